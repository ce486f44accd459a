package dev.adapterferry.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Methods of Python's strings, lists and dictionaries that templates call. */
final class Methods {
    private Methods() { }

    /** The method, or null when the object has none of that name. */
    static Values.Function find(Object object, String name) {
        return switch (object) {
            case String text -> ofText(text, name);
            case List<?> list -> ofList(list, name);
            case Map<?, ?> map -> ofMap(map, name);
            case null, default -> null;
        };
    }

    private static Values.Function ofText(String text, String name) {
        return switch (name) {
            case "strip" -> (p, n) -> strip(text, p, true, true);
            case "lstrip" -> (p, n) -> strip(text, p, true, false);
            case "rstrip" -> (p, n) -> strip(text, p, false, true);
            case "upper" -> (p, n) -> text.toUpperCase(Locale.ROOT);
            case "lower" -> (p, n) -> text.toLowerCase(Locale.ROOT);
            case "title" -> (p, n) -> title(text);
            case "capitalize" -> (p, n) -> capitalize(text);
            case "startswith" -> (p, n) -> options(p.getFirst()).stream().anyMatch(text::startsWith);
            case "endswith" -> (p, n) -> options(p.getFirst()).stream().anyMatch(text::endsWith);
            case "replace" -> (p, n) -> replace(text, Values.text(p.get(0)), Values.text(p.get(1)), p.size() > 2 ? Values.integer(p.get(2)) : -1);
            case "split" -> (p, n) -> split(text, p.isEmpty() ? null : p.getFirst(), p.size() > 1 ? Values.integer(p.get(1)) : (Long) n.getOrDefault("maxsplit", -1L));
            case "splitlines" -> (p, n) -> new ArrayList<Object>(text.lines().toList());
            case "find" -> (p, n) -> (long) text.indexOf(Values.text(p.getFirst()));
            case "count" -> (p, n) -> (long) split(text, p.getFirst(), -1).size() - 1;
            case "join" -> (p, n) -> String.join(text, Values.items(p.getFirst()).stream().map(Values::text).toList());
            case "isdigit" -> (p, n) -> !text.isEmpty() && text.chars().allMatch(Character::isDigit);
            default -> null;
        };
    }

    @SuppressWarnings("unchecked")
    private static Values.Function ofList(List<?> list, String name) {
        List<Object> items = (List<Object>) list;
        return switch (name) {
            case "append" -> (p, n) -> {
                items.add(p.getFirst());
                return null;
            };
            case "extend" -> (p, n) -> {
                items.addAll(Values.items(p.getFirst()));
                return null;
            };
            case "pop" -> (p, n) -> {
                if (items.isEmpty()) {
                    throw Values.failure("pop from an empty list");
                }
                long index = p.isEmpty() ? -1 : Values.integer(p.getFirst());
                return items.remove((int) (index < 0 ? index + items.size() : index));
            };
            case "insert" -> (p, n) -> {
                items.add(Math.clamp(Values.integer(p.get(0)), 0, items.size()), p.get(1));
                return null;
            };
            case "index" -> (p, n) -> {
                for (int i = 0; i < items.size(); i++) {
                    if (Values.equal(items.get(i), p.getFirst())) {
                        return (long) i;
                    }
                }
                throw Values.failure(Values.shown(p.getFirst()) + " is not in the list");
            };
            case "count" -> (p, n) -> items.stream().filter(item -> Values.equal(item, p.getFirst())).count();
            default -> null;
        };
    }

    @SuppressWarnings("unchecked")
    private static Values.Function ofMap(Map<?, ?> map, String name) {
        Map<Object, Object> entries = (Map<Object, Object>) map;
        return switch (name) {
            case "get" -> (p, n) -> entries.containsKey(p.getFirst()) ? entries.get(p.getFirst()) : p.size() > 1 ? p.get(1) : null;
            case "items" -> (p, n) -> pairs(entries);
            case "keys" -> (p, n) -> new ArrayList<>(entries.keySet());
            case "values" -> (p, n) -> new ArrayList<>(entries.values());
            case "update" -> (p, n) -> {
                p.forEach(more -> entries.putAll((Map<Object, Object>) more));
                entries.putAll(n);
                return null;
            };
            default -> null;
        };
    }

    static List<Object> pairs(Map<?, ?> map) {
        List<Object> pairs = new ArrayList<>();
        map.forEach((key, value) -> {
            List<Object> pair = new ArrayList<>();
            pair.add(key);
            pair.add(value);
            pairs.add(pair);
        });
        return pairs;
    }

    static String strip(String text, List<Object> characters, boolean left, boolean right) {
        boolean blanks = characters.isEmpty() || characters.getFirst() == null;
        String which = blanks ? "" : Values.text(characters.getFirst());
        int start = 0;
        int end = text.length();
        while (left && start < end && goes(text.charAt(start), blanks, which)) {
            start++;
        }
        while (right && end > start && goes(text.charAt(end - 1), blanks, which)) {
            end--;
        }
        return text.substring(start, end);
    }

    private static boolean goes(char c, boolean blanks, String which) {
        return blanks ? Character.isWhitespace(c) || Character.isSpaceChar(c) : which.indexOf(c) >= 0;
    }

    static String title(String text) {
        StringBuilder out = new StringBuilder();
        boolean inside = false;
        for (char c : text.toCharArray()) {
            out.append(inside ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inside = Character.isLetter(c);
        }
        return out.toString();
    }

    static String capitalize(String text) {
        return text.isEmpty() ? text : text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1).toLowerCase(Locale.ROOT);
    }

    static String replace(String text, String old, String fresh, long times) {
        if (times < 0) {
            return text.replace(old, fresh);
        }
        String rest = text;
        StringBuilder out = new StringBuilder();
        for (long i = 0; i < times && rest.contains(old) && !old.isEmpty(); i++) {
            int at = rest.indexOf(old);
            out.append(rest, 0, at).append(fresh);
            rest = rest.substring(at + old.length());
        }
        return out.append(rest).toString();
    }

    private static List<Object> split(String text, Object separator, long most) {
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            String rest = text.strip();
            while (!rest.isEmpty()) {
                int end = 0;
                while (end < rest.length() && !Character.isWhitespace(rest.charAt(end))) {
                    end++;
                }
                boolean last = most >= 0 && parts.size() >= most;
                parts.add(last ? rest : rest.substring(0, end));
                rest = last ? "" : rest.substring(end).stripLeading();
            }
            return parts;
        }
        String mark = Values.text(separator);
        if (mark.isEmpty()) {
            throw Values.failure("a split needs a separator");
        }
        int from = 0;
        for (int at = text.indexOf(mark); at >= 0 && (most < 0 || parts.size() < most); at = text.indexOf(mark, from)) {
            parts.add(text.substring(from, at));
            from = at + mark.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static List<String> options(Object prefix) {
        return prefix instanceof List<?> list ? list.stream().map(Values::text).toList() : List.of(Values.text(prefix));
    }
}
