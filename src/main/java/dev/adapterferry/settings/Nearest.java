package dev.adapterferry.settings;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** What somebody probably meant. */
final class Nearest {
    private Nearest() { }

    /** The known name nearest to a typed one, if any is near: at most a third of its letters wrong, and never more than three. */
    static Optional<String> to(String typed, Collection<String> known) {
        String wanted = normal(typed);
        return known.stream().filter(name -> distance(wanted, normal(name)) <= Math.min(3, (wanted.length() + 2) / 3))
                .min(Comparator.comparingInt((String name) -> distance(wanted, normal(name))).thenComparing(Comparator.naturalOrder()));
    }

    private static String normal(String name) {
        return name.toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Edits that turn one text into the other; swapping two neighbours counts once (Damerau, restricted). */
    static int distance(String a, String b) {
        int[][] edits = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    edits[i][j] = i + j;
                    continue;
                }
                int replace = edits[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                edits[i][j] = Math.min(replace, 1 + Math.min(edits[i - 1][j], edits[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    edits[i][j] = Math.min(edits[i][j], edits[i - 2][j - 2] + 1);
                }
            }
        }
        return edits[a.length()][b.length()];
    }
}
