package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What {@code adapter_config.json} says about the merge, of PEFT's or mlx-lm's making. Names are PEFT's.
 *
 * @param file                  the file it was read from, for messages
 * @param format                who wrote it
 * @param classifies            {@code task_type} SEQ_CLS: the model scores texts by a head, which the file may hold
 * @param peftVersion           version that wrote it; PEFT notes it since 0.18
 * @param rank                  default rank {@code r}; for mlx-lm the rank of all modules
 * @param alpha                 default {@code lora_alpha}; for mlx-lm the scale itself
 * @param rsLora                {@code use_rslora}: scale by the square root of the rank
 * @param rankPattern           ranks of modules that differ, by regular expression, in order
 * @param alphaPattern          alphas of modules that differ, likewise
 * @param fanInFanOut           whether weights are said to be stored {@code (in, out)}
 * @param dora                  {@code use_dora}
 * @param init                  {@code init_lora_weights} in lower case: {@code true}, {@code false} or a name
 * @param modulesToSave         names of modules that the file holds whole
 * @param trainableTokens       by module name, the rows of the embedding that the file holds; the empty name means the input embedding
 * @param targetParameters      names of parameters (fused experts) that are adapted
 * @param layerReplication      {@code [from, to)} ranges of the base's layers that make up the trained model
 * @param tiesWeights           {@code ensure_weight_tying}
 * @param bias                  {@code none}, {@code all} or {@code lora_only}
 * @param baseName              {@code base_model_name_or_path}
 * @param revision              commit or branch of the base
 * @param warnings              fields that this ferry does not know and that are set
 */
public record AdapterConfig(Path file, Format format, boolean classifies, Optional<String> peftVersion, int rank, double alpha, boolean rsLora,
        Map<String, Integer> rankPattern, Map<String, Double> alphaPattern, boolean fanInFanOut, boolean dora, String init,
        List<String> modulesToSave, Map<String, List<Long>> trainableTokens, List<String> targetParameters,
        List<List<Integer>> layerReplication, boolean tiesWeights, String bias, Optional<String> baseName, Optional<String> revision,
        List<String> warnings) {

    /** Who wrote an adapter: decides key names, orientation and what the scale means. */
    public enum Format { PEFT, MLX }

    /**
     * Reads and judges the configuration of an adapter.
     *
     * @param folder the adapter's folder
     * @return the configuration
     * @throws FerryException when the file is missing or malformed, or names something that cannot be merged; the sentence says why
     */
    public static AdapterConfig read(Path folder) {
        Path file = folder.resolve("adapter_config.json");
        return new AdapterConfigReader(file, CheckpointFolder.readObject(file)).read();
    }

    /**
     * The same for an adapter that is not here yet.
     *
     * @param file  where its configuration lies, for messages
     * @param bytes its content
     */
    public static AdapterConfig parse(Path file, byte[] bytes) {
        return new AdapterConfigReader(file, CheckpointFolder.parseObject(file, bytes)).read();
    }

    /**
     * The rank that the configuration gives a module.
     *
     * @param module name in the running model, without {@code base_model.model.}; for a parameter with its name
     */
    public int rankOf(String module) {
        return match(rankPattern, module).orElse(rank);
    }

    /**
     * The factor before {@code B·A}.
     *
     * @param module name in the running model
     * @param rank   the rank of its tensors
     */
    public double scaleOf(String module, int rank) {
        if (format == Format.MLX) {
            return alpha;
        }
        double moduleAlpha = match(alphaPattern, module).orElse(alpha);
        return rsLora ? moduleAlpha / Math.sqrt(rank) : moduleAlpha / rank;
    }

    /**
     * PEFT's rule: the first key, as a regular expression, that matches the whole name or its end after a dot. A name that equals a
     * key always matches, which older versions did by a look-up of its own.
     */
    private <V> Optional<V> match(Map<String, V> patterns, String module) {
        for (Map.Entry<String, V> entry : patterns.entrySet()) {
            try {
                if (entry.getKey().equals(module) || Pattern.compile("^(.*\\.)?(" + entry.getKey() + ")$").matcher(module).matches()) {
                    return Optional.of(entry.getValue());
                }
            } catch (PatternSyntaxException e) {
                throw new FerryException("Cannot read " + file + ": pattern '" + entry.getKey() + "' is not a regular expression: " + e.getDescription() + ". Correct it there.", e);
            }
        }
        return Optional.empty();
    }
}
