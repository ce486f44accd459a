package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.files.Durable;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A Qwen2 checkpoint of random weights with the shapes of a real one: bf16 safetensors, configuration, a tokenizer of the
 * right size, and an adapter on all linear layers. Good for measuring, for nothing else.
 *
 * @param label   what people call the size, for example {@code 1.5B}
 * @param hidden  embedding width
 * @param layers  number of layers
 * @param inner   width of the feed-forward layer
 * @param heads   query heads
 * @param kvHeads key-value heads
 * @param tokens  vocabulary
 */
public record SyntheticQwen2(String label, int hidden, int layers, int inner, int heads, int kvHeads, int tokens) {
    private static final List<SyntheticQwen2> SIZES = List.of(
            new SyntheticQwen2("0.01B", 256, 4, 768, 4, 2, 8192),
            new SyntheticQwen2("0.1B", 768, 12, 2304, 12, 4, 16384),
            new SyntheticQwen2("0.5B", 1024, 24, 4864, 16, 4, 65536),
            new SyntheticQwen2("1.5B", 1536, 28, 8960, 12, 2, 151936),
            new SyntheticQwen2("3B", 2048, 36, 11008, 16, 2, 151936));

    private static final long SHARD_BYTES = 2L << 30;
    private static final float DEVIATION = 0.02f;
    private static final int ROWS = 256;
    private static final String QWEN2_SPLIT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /**
     * A size by its label.
     *
     * @throws IllegalArgumentException naming the known ones
     */
    public static SyntheticQwen2 ofSize(String label) {
        return SIZES.stream().filter(s -> s.label.equalsIgnoreCase(label)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no size " + label + "; known are " + SIZES.stream().map(SyntheticQwen2::label).toList()));
    }

    /** Number of weights. */
    public long parameters() {
        return tensors().stream().mapToLong(TensorInfo::elements).sum();
    }

    private Map<String, long[]> linearLayers() {
        long kv = (long) hidden / heads * kvHeads;
        Map<String, long[]> layers = new LinkedHashMap<>();
        layers.put("self_attn.q_proj", new long[] {hidden, hidden});
        layers.put("self_attn.k_proj", new long[] {kv, hidden});
        layers.put("self_attn.v_proj", new long[] {kv, hidden});
        layers.put("self_attn.o_proj", new long[] {hidden, hidden});
        layers.put("mlp.gate_proj", new long[] {inner, hidden});
        layers.put("mlp.up_proj", new long[] {inner, hidden});
        layers.put("mlp.down_proj", new long[] {hidden, inner});
        return layers;
    }

    private List<TensorInfo> tensors() {
        List<TensorInfo> tensors = new ArrayList<>();
        tensors.add(bf16("model.embed_tokens.weight", tokens, hidden));
        tensors.add(bf16("model.norm.weight", hidden));
        for (int layer = 0; layer < layers; layer++) {
            String prefix = "model.layers." + layer + ".";
            tensors.add(bf16(prefix + "input_layernorm.weight", hidden));
            tensors.add(bf16(prefix + "post_attention_layernorm.weight", hidden));
            linearLayers().forEach((name, shape) -> {
                tensors.add(bf16(prefix + name + ".weight", shape));
                if (name.matches("self_attn\\.[qkv]_proj")) {
                    tensors.add(bf16(prefix + name + ".bias", shape[0]));
                }
            });
        }
        tensors.sort(Comparator.comparing(TensorInfo::name));
        return tensors;
    }

    private static TensorInfo bf16(String name, long... shape) {
        return new TensorInfo(name, ElementType.BF16, java.util.Arrays.stream(shape).boxed().toList());
    }

    /**
     * Writes the checkpoint.
     *
     * @param folder made when missing
     */
    public void writeCheckpoint(Path folder) throws IOException {
        Files.createDirectories(folder);
        ObjectNode config = JsonMapper.builder().build().createObjectNode();
        config.putArray("architectures").add("Qwen2ForCausalLM");
        config.put("model_type", "qwen2").put("hidden_size", hidden).put("intermediate_size", inner).put("num_hidden_layers", layers).put("num_attention_heads", heads)
                .put("num_key_value_heads", kvHeads).put("vocab_size", tokens).put("rms_norm_eps", 1e-6).put("rope_theta", 1000000.0).put("max_position_embeddings", 32768)
                .put("tie_word_embeddings", true).put("torch_dtype", "bfloat16");
        Durable.write(folder.resolve("config.json"), config.toPrettyString());
        Durable.write(folder.resolve("tokenizer.json"), tokenizer().toString());
        List<TensorInfo> tensors = tensors();
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(folder, tensors, SHARD_BYTES)) {
            tensors.parallelStream().forEach(tensor -> fill(tensor, writer::write));
            writer.commit();
        }
    }

    /**
     * Writes an adapter on all linear layers.
     *
     * @param folder made when missing
     * @param rank   its rank
     * @param base   name of the base, as the checkpoint's folder is called
     */
    public void writeAdapter(Path folder, int rank, String base) throws IOException {
        Files.createDirectories(folder);
        ObjectNode config = JsonMapper.builder().build().createObjectNode();
        config.put("peft_type", "LORA").put("task_type", "CAUSAL_LM").put("base_model_name_or_path", base).put("r", rank).put("lora_alpha", 2 * rank).put("lora_dropout", 0.0)
                .put("bias", "none").put("fan_in_fan_out", false).put("use_rslora", false).put("use_dora", false).put("inference_mode", true);
        ArrayNode targets = config.putArray("target_modules");
        linearLayers().keySet().forEach(name -> targets.add(name.substring(name.indexOf('.') + 1)));
        Durable.write(folder.resolve("adapter_config.json"), config.toPrettyString());
        List<TensorInfo> tensors = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            String prefix = "base_model.model.model.layers." + layer + ".";
            linearLayers().forEach((name, shape) -> {
                tensors.add(new TensorInfo(prefix + name + ".lora_A.weight", ElementType.F32, List.of((long) rank, shape[1])));
                tensors.add(new TensorInfo(prefix + name + ".lora_B.weight", ElementType.F32, List.of(shape[0], (long) rank)));
            });
        }
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve("adapter_model.safetensors"), tensors, Map.of("format", "pt"))) {
            tensors.forEach(tensor -> fill(tensor, writer::write));
            writer.commit();
        }
    }

    /** Where rows go. */
    private interface RowSink {
        void write(TensorInfo tensor, long firstRow, int rows, float[] values, int offset);
    }

    /** Roughly normal: the sum of four uniform numbers out of one random long. The seed is the name. */
    private static void fill(TensorInfo tensor, RowSink sink) {
        SplittableRandom random = new SplittableRandom(tensor.name().hashCode());
        int width = Math.toIntExact(tensor.rowLength());
        float scale = DEVIATION / (65536 * (float) Math.sqrt(4.0 / 12));
        float[] values = new float[(int) Math.min(ROWS, tensor.rows()) * width];
        for (long row = 0; row < tensor.rows(); row += ROWS) {
            int rows = (int) Math.min(ROWS, tensor.rows() - row);
            for (int i = 0; i < rows * width; i++) {
                long bits = random.nextLong();
                values[i] = ((bits & 0xFFFF) + (bits >>> 16 & 0xFFFF) + (bits >>> 32 & 0xFFFF) + (bits >>> 48) - 131070) * scale;
            }
            sink.write(tensor, row, rows, values, 0);
        }
    }

    private ObjectNode tokenizer() {
        ObjectNode root = JsonMapper.builder().build().createObjectNode();
        root.put("version", "1.0").putArray("added_tokens").addObject().put("id", tokens - 1).put("content", "<|endoftext|>").put("special", true);
        ObjectNode sequence = root.putObject("pre_tokenizer").put("type", "Sequence");
        ArrayNode steps = sequence.putArray("pretokenizers");
        steps.addObject().put("type", "Split").put("behavior", "Isolated").put("invert", false).putObject("pattern").put("Regex", QWEN2_SPLIT);
        steps.addObject().put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", false).put("use_regex", false);
        ObjectNode model = root.putObject("model").put("type", "BPE");
        ObjectNode vocabulary = model.putObject("vocab");
        // The bytes first, as GPT-2 spells them, so that llama.cpp can read any prompt.
        int moved = 256;
        for (int i = 0; i < tokens - 1; i++) {
            boolean printable = i >= '!' && i <= '~' || i >= 0xA1 && i <= 0xAC || i >= 0xAE && i <= 0xFF;
            vocabulary.put(i > 255 ? "t" + (i - 255) : Character.toString(printable ? i : moved++), i);
        }
        model.putArray("merges").add("t 1");
        return root;
    }
}
