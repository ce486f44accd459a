package dev.adapterferry.tensor;

/** Names out of files that nobody vouches for, made fit for one line of a message or a log. */
public final class PrintableName {
    private static final int LONGEST = 160;

    private PrintableName() { }

    /**
     * Replaces control, format and unassigned characters by {@code ?} and cuts what is too long.
     *
     * @param name any text
     * @return one printable line
     */
    public static String of(String name) {
        StringBuilder out = new StringBuilder(Math.min(name.length(), LONGEST) + 1);
        name.codePoints().limit(LONGEST).forEach(c -> out.appendCodePoint(isPrintable(c) ? c : '?'));
        if (name.codePointCount(0, name.length()) > LONGEST) {
            out.append('…');
        }
        return out.toString();
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }
}
