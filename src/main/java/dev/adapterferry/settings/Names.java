package dev.adapterferry.settings;

import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** How names are spelt, and the conditions that several sections share. */
final class Names {
    /** What may become a folder, a file and a part of a URL: no separators, no leading dot, no spaces. */
    static final Pattern FOLDER = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,99}");

    private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "localhost", "::1");

    private Names() { }

    /** {@code apiUrl} and {@code ON_SUCCESS} to {@code api-url} and {@code on-success}. */
    static String kebab(String javaName) {
        if (javaName.equals(javaName.toUpperCase(Locale.ROOT))) {
            return javaName.toLowerCase(Locale.ROOT).replace('_', '-');
        }
        return javaName.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
    }

    static void requireFolderName(String name) {
        if (!FOLDER.matcher(name).matches()) {
            throw new IllegalArgumentException("'" + name + "' cannot be a folder name; use letters, digits, '.', '_' and '-', not beginning with a dot");
        }
    }

    static void requireTokenBeyondLoopback(String host, boolean token) {
        if (!LOOPBACK.contains(host) && !token) {
            throw new IllegalArgumentException("host '" + host + "' is reachable from other machines: set token, or listen on 127.0.0.1");
        }
    }

    static void requireAddress(boolean enabled, boolean present, String key) {
        if (enabled && !present) {
            throw new IllegalArgumentException("enabled is true, but " + key + " is not set");
        }
    }
}
