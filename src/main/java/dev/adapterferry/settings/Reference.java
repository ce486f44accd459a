package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Every key that the settings file may hold, in order: the ground of the reference table, of completion and of overrides. */
public final class Reference {
    private static final List<Row> ROWS = collect();

    private Reference() { }

    /**
     * One key.
     *
     * @param key     dotted; {@code <name>} stands for a name of the user's choice
     * @param kind    what its value is, in words
     * @param byDefault the default in the notation of the file, empty for none
     * @param meaning what it does
     * @param secret  whether its value is masked
     * @param restart whether a running daemon takes a change only when it is started again
     */
    public record Row(String key, String kind, String byDefault, String meaning, boolean secret, boolean restart) { }

    /** All keys. */
    public static List<Row> rows() {
        return ROWS;
    }

    /** The reference table of {@code src/docs/settings.md}. */
    public static String table() {
        StringBuilder table = new StringBuilder("| key | value | default | meaning |\n|---|---|---|---|\n");
        for (Row row : ROWS) {
            table.append("| `").append(row.key()).append("` | ").append(cell(row.kind())).append(" | ").append(row.byDefault().isEmpty() ? "" : "`" + cell(row.byDefault()) + "`")
                    .append(" | ").append(cell(row.meaning())).append(row.restart() ? " *" : "").append(" |\n");
        }
        return table.toString();
    }

    private static String cell(String text) {
        return text.replace("|", "\\|");
    }

    private static List<Row> collect() {
        List<Row> rows = new ArrayList<>();
        collect("", Shape.ROOT, rows);
        return List.copyOf(rows);
    }

    private static void collect(String prefix, Shape.Section section, List<Row> rows) {
        for (Shape.Field field : section.fields().values()) {
            String key = prefix + field.key();
            switch (field.shape()) {
                case Shape.Section inner -> collect(key + ".", inner, rows);
                case Shape.Table(Shape.Section inner) -> collect(key + ".<name>.", inner, rows);
                case Shape.Table(Shape value) -> rows.add(row(key + ".<name>", kind(value, field.setting()), field));
                case Shape.Items items -> rows.add(row(key, kind(items, field.setting()), field));
                case Shape.Single single -> rows.add(row(key, kind(single, field.setting()), field));
            }
        }
    }

    private static Row row(String key, String kind, Shape.Field field) {
        boolean secret = field.shape() instanceof Shape.Single single && single.type() == Secret.class;
        return new Row(key, kind, field.setting().def(), field.setting().value(), secret, field.setting().restart());
    }

    private static String kind(Shape shape, Setting setting) {
        return switch (shape) {
            case Shape.Items items -> items.item().type() == String.class ? setting.prose() ? "list of texts" : "list of names"
                    : items.item().type() == Pattern.class ? "list of regular expressions" : "list of: " + kind(items.item(), setting);
            case Shape.Single single -> kind(single.type(), setting);
            default -> "section";
        };
    }

    private static String kind(Class<?> type, Setting setting) {
        String range = Double.isInfinite(setting.min()) ? "" : Double.isInfinite(setting.max()) ? ", at least " + Scalars.print(setting.min())
                : ", " + Scalars.print(setting.min()) + " to " + Scalars.print(setting.max());
        if (type == Format.class) {
            return "format";
        }
        if (type.isEnum()) {
            return String.join(" | ", Scalars.texts(type));
        }
        return type == String.class ? "text" : type == boolean.class ? "true | false" : type == int.class || type == long.class ? "whole number" + range
                : type == double.class ? "number" + range : type == Duration.class ? "time (`30s`)" : type == Size.class ? "size (`5GB`)" : type == Cron.class ? "Quartz schedule"
                : type == Path.class ? "path" : type == URI.class ? "address" : type == Secret.class ? "secret" : type == Pattern.class ? "regular expression" : type.getSimpleName();
    }
}
