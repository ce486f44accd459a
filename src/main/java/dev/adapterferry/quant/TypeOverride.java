package dev.adapterferry.quant;

import dev.adapterferry.failure.SettingsException;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A type for all tensors whose name matches, llama-quantize's {@code --tensor-type}.
 *
 * @param pattern searched anywhere in the tensor's GGUF name, in any case
 * @param type    the type they get, if their rows are whole blocks of it
 */
public record TypeOverride(Pattern pattern, GgmlType type) {
    /**
     * Reads {@code PATTERN=TYPE}, for example {@code attn_v=q8_0}.
     *
     * @throws SettingsException when it is not of that form, the pattern no regular expression, or the type not one
     *                           that can be written
     */
    public static TypeOverride parse(String text) {
        int equals = text.lastIndexOf('=');
        if (equals <= 0) {
            throw new SettingsException("Cannot read the tensor type '" + text + "': expected PATTERN=TYPE, for example attn_v=q8_0.");
        }
        try {
            return new TypeOverride(Pattern.compile(text.substring(0, equals), Pattern.CASE_INSENSITIVE), parseType(text.substring(equals + 1)));
        } catch (PatternSyntaxException e) {
            throw new SettingsException("Cannot read the tensor type '" + text + "': " + e.getDescription() + ".", e);
        }
    }

    /**
     * A type by its name in any case, limited to those that have a kernel.
     *
     * @throws SettingsException when there is none
     */
    public static GgmlType parseType(String name) {
        String wanted = name.strip().toUpperCase(Locale.ROOT);
        for (GgmlType type : Kernels.types()) {
            if (type.name().equals(wanted)) {
                return type;
            }
        }
        throw new SettingsException("Unknown tensor type '" + name + "'; known are " + Kernels.types() + ".");
    }

    boolean matches(String tensorName) {
        return pattern.matcher(tensorName).find();
    }
}
