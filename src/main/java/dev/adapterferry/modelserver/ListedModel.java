package dev.adapterferry.modelserver;

import java.util.List;
import java.util.Locale;

/**
 * A model as LM Studio lists it.
 *
 * @param key             id to ask and load with
 * @param publisher       publisher folder
 * @param quantization    quantization of the selected or loaded file, or an empty string
 * @param bytes           its size, -1 when not told
 * @param variants        keys of the single quantizations ({@code key@q4_k_m}), empty when not told
 * @param selectedVariant the one that {@code key} stands for, or an empty string
 * @param path            {@code publisher/model/file.gguf}, or an empty string; only {@code lms} tells it
 * @param instances       what is loaded of it
 */
public record ListedModel(String key, String publisher, String quantization, long bytes, List<String> variants, String selectedVariant, String path, List<Instance> instances) {
    /**
     * A loaded model.
     *
     * @param id      id to unload and to ask with
     * @param context context length in tokens that it was loaded with, -1 when not told
     */
    public record Instance(String id, long context) { }

    /** Copies the lists. */
    public ListedModel {
        variants = List.copyOf(variants);
        instances = List.copyOf(instances);
    }

    /**
     * Whether this is the model of a folder. LM Studio makes the key from the folder's name, in lower case, sometimes with
     * the publisher before it or without a trailing {@code -GGUF}; the path, where it is told, settles it.
     *
     * @param wantedPublisher first level in the models directory
     * @param folder          second level
     */
    public boolean isIn(String wantedPublisher, String folder) {
        if (!path.isEmpty()) {
            return path.replace('\\', '/').toLowerCase(Locale.ROOT).startsWith((wantedPublisher + "/" + folder + "/").toLowerCase(Locale.ROOT));
        }
        String name = key.substring(key.lastIndexOf('/') + 1);
        return publisher.equalsIgnoreCase(wantedPublisher) && plain(name).equals(plain(folder));
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceFirst("-gguf$", "");
    }

    /** True when some instance is loaded. */
    public boolean isLoaded() {
        return !instances.isEmpty();
    }
}
