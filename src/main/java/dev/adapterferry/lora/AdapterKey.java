package dev.adapterferry.lora;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a tensor's name in an adapter file means.
 *
 * @param module  path of the module in the running model, for example {@code model.layers.3.self_attn.q_proj}
 * @param part    which part of the adapter it is
 * @param nesting how many wrappers of fused parameters lie around it: 0 for the outermost
 */
record AdapterKey(String module, Part part, int nesting) {
    /** Parts of an adapted module. */
    enum Part { A, B, EMBEDDING_A, EMBEDDING_B, MAGNITUDE, B_BIAS, WEIGHT, BIAS, TOKENS }

    /** An adapter's name may stand within ({@code .lora_A.default.weight}) when the file was not written by {@code save_pretrained}. */
    private static final Pattern LORA = Pattern.compile("(?<module>.+?)\\.lora_(?<side>[AB])(\\.[^.]+)?\\.(?<kind>weight|bias)");
    private static final Pattern EMBEDDING = Pattern.compile("(?<module>.+?)\\.lora_embedding_(?<side>[AB])(\\.[^.]+)?");
    private static final Pattern MAGNITUDE = Pattern.compile("(?<module>.+?)\\.lora_magnitude_vector(\\.[^.]+)?(\\.weight)?");
    private static final Pattern TOKENS = Pattern.compile("(?<module>.+?)\\.(token_adapter\\.)?trainable_tokens_delta(\\.[^.]+)?");
    private static final Pattern WHOLE = Pattern.compile("(?<module>.+?)(\\.modules_to_save(\\.[^.]+)?|\\.original_module)?\\.(?<kind>weight|bias)");
    private static final Pattern MLX = Pattern.compile("(?<module>.+?)\\.(?<part>lora_a|lora_b|m)");
    private static final Pattern WRAPPERS = Pattern.compile("(^|(?<=\\.))(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\\.");

    /**
     * Reads a name.
     *
     * @param name   name in the file
     * @param format who wrote it
     * @return its meaning, or empty when it has none that could be merged
     */
    static Optional<AdapterKey> parse(String name, AdapterConfig.Format format) {
        String key = WRAPPERS.matcher(name).replaceAll("");
        while (key.startsWith("base_model.model.") || key.startsWith("module.")) {
            key = key.substring(key.startsWith("module.") ? "module.".length() : "base_model.model.".length());
        }
        return format == AdapterConfig.Format.MLX ? parseMlx(key) : parsePeft(key);
    }

    private static Optional<AdapterKey> parsePeft(String key) {
        Matcher m = LORA.matcher(key);
        if (m.matches()) {
            boolean bias = m.group("kind").equals("bias");
            boolean a = m.group("side").equals("A");
            return a && bias ? Optional.empty() : Optional.of(of(m.group("module"), a ? Part.A : bias ? Part.B_BIAS : Part.B));
        }
        m = EMBEDDING.matcher(key);
        if (m.matches()) {
            return Optional.of(of(m.group("module"), m.group("side").equals("A") ? Part.EMBEDDING_A : Part.EMBEDDING_B));
        }
        m = MAGNITUDE.matcher(key);
        if (m.matches()) {
            return Optional.of(of(m.group("module"), Part.MAGNITUDE));
        }
        m = TOKENS.matcher(key);
        if (m.matches()) {
            return Optional.of(of(m.group("module"), Part.TOKENS));
        }
        return parseWhole(key);
    }

    private static Optional<AdapterKey> parseMlx(String key) {
        Matcher m = MLX.matcher(key);
        if (m.matches()) {
            return Optional.of(of(m.group("module"), switch (m.group("part")) {
                case "lora_a" -> Part.A;
                case "lora_b" -> Part.B;
                default -> Part.MAGNITUDE;
            }));
        }
        return parseWhole(key);
    }

    private static Optional<AdapterKey> parseWhole(String key) {
        Matcher m = WHOLE.matcher(key);
        // Foreign adapters (LyCORIS, old diffusers) end in .weight as well; their parts are not whole modules.
        if (!m.matches() || key.contains(".lora_") || key.contains("lora.down") || key.contains("lora.up")) {
            return Optional.empty();
        }
        return Optional.of(of(m.group("module"), m.group("kind").equals("weight") ? Part.WEIGHT : Part.BIAS));
    }

    private static AdapterKey of(String module, Part part) {
        int nesting = 0;
        String bare = module;
        while (bare.endsWith(".base_layer") || bare.endsWith(".token_adapter")) {
            nesting += bare.endsWith(".base_layer") ? 1 : 0;
            bare = bare.substring(0, bare.lastIndexOf('.'));
        }
        return new AdapterKey(bare.replace(".base_layer.", "."), part, nesting);
    }
}
