package dev.adapterferry.chat;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Python's {@code strftime} for the signs that templates use; others stay as they are. */
final class Strftime {
    private Strftime() { }

    static String format(String pattern, LocalDateTime time) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c != '%' || i + 1 == pattern.length()) {
                out.append(c);
                continue;
            }
            char sign = pattern.charAt(++i);
            boolean plain = sign == '-' && i + 1 < pattern.length();
            String part = part(plain ? pattern.charAt(++i) : sign);
            if (part == null) {
                out.append('%').append(sign);
            } else {
                String text = part.equals("%") ? part : DateTimeFormatter.ofPattern(part, Locale.ENGLISH).format(time);
                out.append(plain ? text.replaceFirst("^0(?=.)", "") : text);
            }
        }
        return out.toString();
    }

    private static String part(char sign) {
        return switch (sign) {
            case 'd' -> "dd";
            case 'm' -> "MM";
            case 'b' -> "MMM";
            case 'B' -> "MMMM";
            case 'Y' -> "yyyy";
            case 'y' -> "yy";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'A' -> "EEEE";
            case 'a' -> "EEE";
            case 'j' -> "DDD";
            case '%' -> "%";
            default -> null;
        };
    }
}
