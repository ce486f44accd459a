package dev.adapterferry.secret;

/**
 * A key, token or password. Prints as {@code ***}; only {@link #reveal()} gives the text, at the one place that sends it.
 * Every secret made is known to {@link Redaction} from then on, so that a message which carries it by accident is masked.
 */
public final class Secret {
    /** What stands in the place of a secret. */
    public static final String MASK = "***";

    private final String text;

    /** @param text the secret itself; not blank */
    public Secret(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("a secret must not be blank");
        }
        this.text = text;
        Redaction.register(text);
    }

    /** The text of the secret: for the wire, never for a message. */
    public String reveal() {
        return text;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Secret secret && secret.text.equals(text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return MASK;
    }
}
