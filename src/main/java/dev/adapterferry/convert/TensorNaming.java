package dev.adapterferry.convert;

import dev.adapterferry.convert.Architecture.Conditional;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a checkpoint's tensors are called when the patterns of the architecture file look at them, and which are left out:
 * those of vision and audio towers, leftovers that no graph uses, and what the file says to drop.
 */
final class TensorNaming {
    private static final Pattern TOWERS = Pattern.compile("(vit\\.|vpm\\.|siglip2\\.|conformer\\.|merger\\.|resampler\\.|sound_encoder\\.|sound_projection\\.|"
            + "speech_embeddings\\.).*|.*(visual\\.|vision\\.|audio\\.|talker\\.|vision_|audio_|token2wav\\.|code2wav\\.|projector\\.|pre_mm_projector_norm|"
            + "image_newline|view_seperator|patch_embed|patch_merger\\.|patch_merge_mlp\\.|model\\.connector\\.|embed_tokens_extend\\.).*");
    private static final Pattern LEFTOVERS = Pattern.compile("mlp.*|.*(\\.attention\\.masked_bias|\\.attention\\.bias|\\.rotary_emb\\.inv_freq)");
    private static final Pattern BRACES = Pattern.compile("\\{([^}]*)}");

    private final Map<Pattern, String> renames = new LinkedHashMap<>();
    private final List<Pattern> dropped = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final ModelConfig config;
    private final long layers;
    private int towers;
    private int further;

    TensorNaming(Architecture architecture, ModelConfig config) {
        this.config = config;
        architecture.rename().forEach((pattern, replacement) -> renames.put(Pattern.compile(pattern), replacement));
        architecture.drop().stream().filter(drop -> drop.holds(config)).forEach(drop -> dropped.add(Pattern.compile(drop.text())));
        architecture.notes().stream().filter(note -> note.holds(config)).map(Conditional::text).forEach(notes::add);
        this.layers = architecture.layers() == null ? Long.MAX_VALUE : config.findLong(architecture.layers()).orElse(Long.MAX_VALUE);
    }

    /**
     * The name for the patterns.
     *
     * @param stored the tensor's name in the checkpoint
     * @return empty when the tensor is left out
     */
    Optional<String> of(String stored) {
        String name = stored.replaceAll("e_score_correction_bias$", "e_score_correction.bias").replace("language_model.", "");
        if (TOWERS.matcher(name).matches()) {
            towers++;
            return Optional.empty();
        }
        if (LEFTOVERS.matcher(name).matches()) {
            return Optional.empty();
        }
        for (Map.Entry<Pattern, String> rename : renames.entrySet()) {
            name = rename.getKey().matcher(name).replaceAll(match -> Matcher.quoteReplacement(replacement(rename.getValue(), match)));
        }
        for (Pattern pattern : dropped) {
            if (pattern.matcher(name).matches()) {
                return Optional.empty();
            }
        }
        if (TensorAddress.of(name).layer() >= layers) {
            further++;
            return Optional.empty();
        }
        return Optional.of(name);
    }

    /** What the user should know, above all what was left out; one sentence each. */
    List<String> notes() {
        List<String> notes = new ArrayList<>(this.notes);
        if (towers > 0) {
            notes.add("The file holds the text part of the model; " + tensors(towers) + " for images or sound " + are(towers) + " left out (llama.cpp keeps those in a file of their own, mmproj).");
        }
        if (further > 0) {
            notes.add(tensors(further) + " of layers that only predict further tokens " + are(further) + " left out; llama.cpp does without them.");
        }
        return notes;
    }

    private static String tensors(int count) {
        return count == 1 ? "1 tensor" : count + " tensors";
    }

    private static String are(int count) {
        return count == 1 ? "is" : "are";
    }

    /** Groups of the match are put in, then what stands in braces is computed: {@code layers.{num_hidden_layers + $1}}. */
    private String replacement(String text, MatchResult match) {
        String filled = text;
        for (int group = match.groupCount(); group > 0; group--) {
            filled = filled.replace("$" + group, match.group(group) == null ? "" : match.group(group));
        }
        return BRACES.matcher(filled).replaceAll(braces -> String.valueOf(config.findLong(braces.group(1)).orElseThrow()));
    }
}
