package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Text to single values and back. Each refusal says what would have been right, in words that fit after "expected". */
final class Scalars {
    private final Path installation;
    private final Path home;

    /**
     * @param installation folder from which most relative paths start
     * @param home         working directory, from which the others start
     */
    Scalars(Path installation, Path home) {
        this.installation = installation;
        this.home = home;
    }

    /** Working directory. */
    Path home() {
        return home;
    }

    /**
     * Reads a value.
     *
     * @throws IllegalArgumentException whose message is what was expected
     */
    Object parse(Class<?> type, Setting setting, String text) {
        return switch (type.getSimpleName()) {
            case "String" -> text;
            case "boolean" -> truth(text);
            case "int" -> (int) number(text, setting, true, Integer.MIN_VALUE, Integer.MAX_VALUE);
            case "long" -> whole(text);
            case "double" -> number(text, setting, false, -Double.MAX_VALUE, Double.MAX_VALUE);
            case "Duration" -> Durations.parse(text);
            case "Size" -> Size.parse(text);
            case "Cron" -> new Cron(text);
            case "Path" -> path(text, setting.root());
            case "URI" -> address(text);
            case "Secret" -> new Secret(text.strip());
            case "Pattern" -> pattern(text);
            default -> constant(type, text);
        };
    }

    /** The text that reads back as the value; sizes as bytes, since Camel reads plain numbers. */
    static String print(Object value) {
        return switch (value) {
            case Duration time -> Durations.print(time);
            case Size size -> Long.toString(size.bytes());
            case Secret secret -> secret.reveal();
            case Enum<?> constant -> text(constant);
            case Double number when number == Math.rint(number) && Math.abs(number) < 1e15 -> Long.toString(number.longValue());
            default -> value.toString();
        };
    }

    /** The spelling of an enum's constant. */
    static String text(Enum<?> constant) {
        return constant instanceof Spelled spelled ? spelled.text() : Names.kebab(constant.name());
    }

    /** The spellings of an enum's constants. */
    static List<String> texts(Class<?> type) {
        return Arrays.stream(type.getEnumConstants()).map(constant -> text((Enum<?>) constant)).toList();
    }

    private static boolean truth(String text) {
        return switch (text.strip().toLowerCase(Locale.ROOT)) {
            case "true", "yes", "on", "1" -> true;
            case "false", "no", "off", "0" -> false;
            default -> throw new IllegalArgumentException("true or false");
        };
    }

    private static double number(String text, Setting setting, boolean whole, double least, double most) {
        String range = Double.isInfinite(setting.min()) && Double.isInfinite(setting.max()) ? ""
                : Double.isInfinite(setting.max()) ? " of at least " + print(setting.min()) : " between " + print(setting.min()) + " and " + print(setting.max());
        String expected = (whole ? "a whole number" : "a number") + range;
        try {
            double number = Double.parseDouble(text.strip());
            if (Double.isNaN(number) || number < Math.max(least, setting.min()) || number > Math.min(most, setting.max()) || whole && number != Math.rint(number)
                    || !text.strip().matches("[-+0-9.eE]+")) {
                throw new IllegalArgumentException(expected);
            }
            return number;
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(expected, e);
        }
    }

    private static long whole(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("a whole number", e);
        }
    }

    private Path path(String text, Setting.Root root) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("a path");
        }
        try {
            Path user = Path.of(System.getProperty("user.home"));
            Path path = text.equals("~") ? user : text.startsWith("~/") ? user.resolve(text.substring(2)) : Path.of(text);
            return (root == Setting.Root.HOME ? home : installation).resolve(path).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("a path", e);
        }
    }

    private static URI address(String text) {
        String stripped = text.strip().replaceFirst("/+$", "");
        String expected = "an address such as http://127.0.0.1:1234";
        try {
            URI uri = URI.create(stripped);
            if (!List.of("http", "https").contains(String.valueOf(uri.getScheme())) || uri.getHost() == null) {
                throw new IllegalArgumentException(expected);
            }
            if (uri.getUserInfo() != null) {
                throw new IllegalArgumentException("an address without login and password; give these in settings of their own");
            }
            return uri;
        } catch (IllegalArgumentException e) {
            throw e.getMessage().startsWith("an address") ? e : new IllegalArgumentException(expected, e);
        }
    }

    private static Pattern pattern(String text) {
        try {
            return Pattern.compile(text);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("a regular expression (" + e.getDescription() + ")", e);
        }
    }

    private static Object constant(Class<?> type, String text) {
        String wanted = text.strip().toLowerCase(Locale.ROOT).replace('_', '-');
        return Arrays.stream(type.getEnumConstants()).filter(constant -> text((Enum<?>) constant).toLowerCase(Locale.ROOT).replace('_', '-').equals(wanted))
                .findFirst().orElseThrow(() -> new IllegalArgumentException("one of " + String.join(", ", texts(type))
                        + Nearest.to(text.strip(), texts(type)).map(near -> " (did you mean " + near + "?)").orElse("")));
    }
}
