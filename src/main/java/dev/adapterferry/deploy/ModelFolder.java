package dev.adapterferry.deploy;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * The folder of one model in a models directory: {@code <models>/<publisher>/<model>}, exactly two levels deep, because
 * LM Studio lists nothing above or below.
 *
 * @param models    models directory
 * @param publisher first level
 * @param model     second level
 */
public record ModelFolder(Path models, String publisher, String model) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*");

    /** Checks both names: they become part of paths and of LM Studio's model keys. */
    public ModelFolder {
        models = models.toAbsolutePath().normalize();
        checkName("publisher", publisher);
        checkName("model", model);
    }

    /** The folder itself. */
    public Path path() {
        return models.resolve(publisher).resolve(model);
    }

    /** Refuses a name that would break out of its folder or hide itself. */
    static String checkName(String what, String name) {
        if (name == null || !NAME.matcher(name).matches()) {
            throw new SettingsException("The " + what + " name '" + name + "' cannot be part of a path: use letters, digits, '.', '_' and '-', and do not begin with a dot.");
        }
        return name;
    }
}
