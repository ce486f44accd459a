package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the base's tensor of a module that an adapter names. An adapter knows the paths of the running model, and those were renamed
 * between versions of transformers; the renames that are documented are tried in both directions, and nothing is guessed.
 */
final class ModuleNames {
    /** Prefixes that name the same place in different versions or classes of a model (transformers PR #38627 and model classes). */
    private static final List<String[]> RENAMES = List.of(
            new String[] {"language_model.model.", "model.language_model."},
            new String[] {"model.", "model.language_model."},
            new String[] {"model.", "language_model.model."},
            new String[] {"", "language_model."},
            new String[] {"visual.", "model.visual."},
            new String[] {"vision_tower.", "model.vision_tower."},
            new String[] {"multi_modal_projector.", "model.multi_modal_projector."},
            new String[] {"model.", "backbone."},
            new String[] {"", "model."},
            new String[] {"", "transformer."},
            new String[] {"", "bert."},
            new String[] {"", "roberta."},
            new String[] {"", "distilbert."},
            new String[] {"", "thinker."});

    private static final List<String> EMBEDDINGS = List.of("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings", "embeddings");

    private final TensorSource base;
    private final String adapter;

    /**
     * @param base    the base's tensors
     * @param adapter the adapter's name, for messages
     */
    ModuleNames(TensorSource base, String adapter) {
        this.base = base;
        this.adapter = adapter;
    }

    /**
     * The tensor of a module.
     *
     * @param module path in the running model
     * @param suffix {@code .weight}, {@code .bias} or empty for a parameter
     * @return the base's tensor, or empty when there is none under any of its names
     * @throws FerryException when several renames fit
     */
    Optional<TensorInfo> find(String module, String suffix) {
        Optional<TensorInfo> exact = base.find(module + suffix);
        if (exact.isPresent()) {
            return exact;
        }
        Set<TensorInfo> found = new LinkedHashSet<>();
        for (String candidate : renamed(module)) {
            base.find(candidate + suffix).ifPresent(found::add);
        }
        if (found.size() > 1) {
            throw new FerryException("Cannot merge " + adapter + ": module '" + PrintableName.of(module) + "' could be any of the base's "
                    + found.stream().map(TensorInfo::name).toList() + ". Save the adapter again with the whole names of its modules.");
        }
        return found.stream().findFirst();
    }

    /** The tensor of a module, or a sentence that names the closest ones. */
    TensorInfo get(String module, String suffix) {
        return find(module, suffix).orElseThrow(() -> new FerryException("Cannot merge " + adapter + ": the base has no tensor for '"
                + PrintableName.of(module + suffix) + "'. The closest are " + closest(module + suffix) + ". The adapter was trained on another base or architecture."));
    }

    /** All names that a module may have, itself first. */
    List<String> renamed(String module) {
        Set<String> names = new LinkedHashSet<>(List.of(module));
        for (String[] rename : RENAMES) {
            for (int from = 0; from < 2; from++) {
                if (module.startsWith(rename[from])) {
                    names.add(rename[1 - from] + module.substring(rename[from].length()));
                }
            }
        }
        return new ArrayList<>(names);
    }

    /** The input embedding, found by the names that models give it. */
    Optional<TensorInfo> inputEmbedding() {
        return base.tensors().stream()
                .filter(t -> t.rank() == 2 && isEmbedding(moduleOf(t.name())) && !t.name().toLowerCase(Locale.ROOT).contains("vis"))
                .min(Comparator.comparingInt(t -> t.name().length()));
    }

    static boolean isEmbedding(String module) {
        return EMBEDDINGS.contains(lastPart(module));
    }

    static boolean isHead(String module) {
        return lastPart(module).equals("lm_head");
    }

    static String lastPart(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    private static String moduleOf(String tensor) {
        return tensor.endsWith(".weight") ? tensor.substring(0, tensor.length() - ".weight".length()) : tensor;
    }

    private List<String> closest(String name) {
        return base.tensors().stream().map(TensorInfo::name).sorted(Comparator.comparingInt(other -> distance(name, other))).limit(3)
                .map(PrintableName::of).toList();
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replace, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
