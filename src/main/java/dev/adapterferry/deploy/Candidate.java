package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What is to become the next release of a model.
 *
 * @param model    the model's name in the settings
 * @param files    finished GGUF files, one or more (formats, or shards)
 * @param identity what the files were made of and with: adapter and base hashes, settings; kept with the release as it is
 */
public record Candidate(String model, List<Item> files, Map<String, String> identity) {
    /**
     * One finished file.
     *
     * @param file   where it lies now
     * @param name   file name to deploy it under, ending in {@code .gguf}
     * @param format quantization mix, {@code Q4_K_M}
     * @param sha256 expected digest, or null to take the file as it is
     */
    public record Item(Path file, String name, String format, String sha256) {
        /** An item that keeps its file's name. */
        public static Item of(Path file, String format, String sha256) {
            return new Item(file, file.getFileName().toString(), format, sha256);
        }

        /** Checks the name. */
        public Item {
            ModelFolder.checkName("file", name);
            if (!name.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
                throw new FerryException("Cannot deploy " + file + " as '" + name + "': LM Studio lists only names that end in .gguf.");
            }
        }
    }

    /** The same with what is to be remembered of its settings. */
    Candidate with(Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(identity);
        all.putAll(settings);
        return new Candidate(model, files, all);
    }

    /** Whether a kept release is made of the same files; items without a known digest are taken for new. */
    boolean isSameAs(Release release) {
        return release.files().stream().map(file -> file.name() + " " + file.sha256()).toList().equals(files.stream().map(item -> item.name() + " " + item.sha256()).toList());
    }

    /** Refuses an empty candidate and two files of one name. */
    public Candidate {
        ModelFolder.checkName("model", model);
        files = List.copyOf(files);
        identity = Map.copyOf(identity);
        Set<String> names = new HashSet<>();
        for (Item item : files) {
            if (!names.add(item.name().toLowerCase(Locale.ROOT))) {
                throw new FerryException("Cannot deploy " + model + ": two files would be named '" + item.name() + "'.");
            }
        }
        if (files.isEmpty()) {
            throw new FerryException("Cannot deploy " + model + ": there is no file to deploy.");
        }
    }
}
