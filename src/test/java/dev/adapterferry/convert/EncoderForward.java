package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * BERT's forward pass in double arithmetic from a checkpoint, as transformers' and the models' own classes define it: every token sees all, norms stand
 * behind the residuals. Nomic's turns queries and keys and has a gate, or a mixture of experts in every other layer; Jina's minds distance instead of positions.
 */
final class EncoderForward {
    private static final int LAYERS = 2;

    private final MemoryCheckpoint checkpoint;
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String kind;
    private final boolean turning;
    private final boolean coarse;

    private EncoderForward(MemoryCheckpoint checkpoint, boolean coarse) {
        this.checkpoint = checkpoint;
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.kind = kind(checkpoint);
        // Jina's own XLM-RoBERTa turns where there are no positions to add.
        this.turning = kind.equals("Nomic") || kind.equals("XLM") && !has("embeddings.position_embeddings.weight");
        this.coarse = coarse;
    }

    private static String kind(MemoryCheckpoint checkpoint) {
        String name = checkpoint.rawConfig().at("/architectures/0").asText();
        return Stream.of("Nomic", "Jina", "Distil", "XLM", "Camembert", "Roberta", "Bert").filter(name::startsWith).findFirst().orElse("");
    }

    /** Whether a checkpoint is one of these. */
    static boolean knows(MemoryCheckpoint checkpoint) {
        return !kind(checkpoint).isEmpty();
    }

    /**
     * One vector per token.
     *
     * @param coarse take GELU as llama.cpp does on the CPU, and leave out what it leaves out of Nomic's mixture
     */
    static double[][] states(MemoryCheckpoint checkpoint, boolean coarse, int... tokens) {
        return new EncoderForward(checkpoint, coarse).states(tokens);
    }

    private double[][] states(int... tokens) {
        double[][] words = matrix("embeddings.word_embeddings");
        // RoBERTa counts positions from behind the padding token's id.
        int first = List.of("XLM", "Camembert", "Roberta").contains(kind) ? config.get("pad_token_id").asInt() + 1 : 0;
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            x[t] = words[tokens[t]];
            if (!kind.equals("Distil")) {
                x[t] = plus(x[t], matrix("embeddings.token_type_embeddings")[0], 1);
            }
            if (!turning && !kind.equals("Jina")) {
                x[t] = plus(x[t], stored.matrix(named("embeddings.position_embeddings.weight"))[first + t], 1);
            }
        }
        x = each(x, row -> norm(row, "embeddings.LayerNorm", "emb_ln"));
        for (int i = 0; i < LAYERS; i++) {
            String l = List.of("encoder.layers.", "transformer.layer.", "encoder.layer.").get(has("encoder.layers.0.norm1.weight") ? 0 : kind.equals("Distil") ? 1 : 2) + i + ".";
            double[][] before = x;
            x = sum(x, attention(l).of(x), l + "norm1", l + "sa_layer_norm", l + "attention.output.LayerNorm");
            if (has(l + "layer_norm_1.weight")) {
                x = sum(before, x, l + "layer_norm_1");
            }
            x = sum(x, each(x, row -> feedForward(row, l)), l + "norm2", l + "output_layer_norm", l + "mlp.layernorm", l + "layer_norm_2", l + "output.LayerNorm");
        }
        return x;
    }

    private double[][] sum(double[][] a, double[][] b, String... norms) {
        double[][] out = new double[a.length][];
        for (int t = 0; t < a.length; t++) {
            out[t] = norm(plus(a[t], b[t], 1), norms);
        }
        return out;
    }

    private SelfAttention attention(String l) {
        SelfAttention a = new SelfAttention();
        a.heads = 4;
        a.keyHeads = 4;
        a.headSize = 16;
        a.scale = 0.25;
        a.ahead = true;
        a.rotated = turning;
        a.ropeDimensions = 16;
        a.ropeBase = config.path("rotary_emb_base").asDouble(10000);
        a.norm = this::norm;
        if (kind.equals("Jina")) {
            // Four heads: 2^-2, 2^-4, 2^-6, 2^-8.
            a.slopes = new double[] {0.25, 0.0625, 0.015625, 0.00390625};
            a.queryNorm = optionalNorm(l + "attention.self.layer_norm_q");
            a.keyNorm = optionalNorm(l + "attention.self.layer_norm_k");
        }
        String fused = Stream.of(l + "attn.Wqkv", l + "mixer.Wqkv").filter(name -> has(name + ".weight") || has(parametrized(name + ".weight"))).findFirst().orElse("");
        if (!fused.isEmpty()) {
            Linear all = linear(fused);
            List<Linear> parts = IntStream.range(0, 3).mapToObj(i -> new Linear(Arrays.copyOfRange(all.weight(), 64 * i, 64 * i + 64), all.bias() == null ? null : Arrays.copyOfRange(all.bias(), 64 * i, 64 * i + 64))).toList();
            a.query = parts.get(0);
            a.key = parts.get(1);
            a.value = parts.get(2);
        } else {
            a.query = linear(l + "attention.self.query", l + "attention.q_lin");
            a.key = linear(l + "attention.self.key", l + "attention.k_lin");
            a.value = linear(l + "attention.self.value", l + "attention.v_lin");
        }
        a.output = linear(l + "attn.out_proj", l + "mixer.out_proj", l + "attention.output.dense", l + "attention.out_lin");
        return a;
    }

    private double[] feedForward(double[] x, String l) {
        if (has(l + "mlp.router.layer.weight")) {
            return mixture(x, l + "mlp.");
        }
        if (has(l + "mlp.fc11.weight")) {
            double[] gate = Arrays.stream(times(linear(l + "mlp.fc12"), x)).map(Arithmetic::silu).toArray();
            return times(linear(l + "mlp.fc2"), product(gate, times(linear(l + "mlp.fc11"), x)));
        }
        if (kind.equals("Jina")) {
            // The one for code takes the function of the second half, the others of the first.
            boolean second = has(l + "mlp.up_gated_layer.weight");
            double[] both = times(linear(l + "mlp.up_gated_layer", l + "mlp.gated_layers"), x);
            double[] one = Arrays.copyOfRange(both, 0, both.length / 2);
            double[] other = Arrays.copyOfRange(both, both.length / 2, both.length);
            return times(linear(l + "mlp.wo", l + "mlp.down_layer"), second ? product(one, gelu(other)) : product(gelu(one), other));
        }
        return times(linear(l + "mlp.fc2", l + "ffn.lin2", l + "output.dense"), gelu(times(linear(l + "mlp.fc1", l + "ffn.lin1", l + "intermediate.dense"), x)));
    }

    /** The shares of the two chosen experts stay those among all four. */
    private double[] mixture(double[] x, String l) {
        double[] shares = times(linear(l + "router.layer"), x);
        Arithmetic.softmax(shares);
        double[] out = coarse ? new double[x.length] : stored.vector(l + "experts.bias");
        IntStream.range(0, shares.length).boxed().sorted((a, b) -> Double.compare(shares[b], shares[a])).limit(2).forEach(e -> {
            double[] inner = gelu(times(new Linear(stored.rows(l + "experts.mlp.w1", 96 * e, 96), null), x));
            double[][] down = stored.rows(l + "experts.mlp.w2", 96 * e, 96);
            for (int i = 0; i < inner.length; i++) {
                for (int o = 0; o < out.length; o++) {
                    out[o] += shares[e] * inner[i] * down[i][o];
                }
            }
        });
        return out;
    }

    private double[] gelu(double... x) {
        return Arrays.stream(x).map(v -> coarse ? Arithmetic.tableGelu(v) : Arithmetic.exactGelu(v)).toArray();
    }

    private double[] norm(double[] x, String... names) {
        return norm(x, Arrays.stream(names).map(this::optionalNorm).filter(norm -> norm != null).findFirst().orElseThrow(() -> new AssertionError("none of " + List.of(names))));
    }

    private double[] norm(double[] x, Norm norm) {
        double epsilon = kind.equals("Distil") ? 1e-12 : config.path(config.has("layer_norm_epsilon") ? "layer_norm_epsilon" : "layer_norm_eps").asDouble();
        return norm == null ? x : Arithmetic.layerNorm(x, norm, epsilon);
    }

    private Norm optionalNorm(String name) {
        return has(name + ".weight") ? new Norm(stored.vector(named(name + ".weight")), stored.vector(named(name + ".bias")))
                : has(name + ".gamma") ? new Norm(stored.vector(named(name + ".gamma")), stored.vector(named(name + ".beta"))) : null;
    }

    private Linear linear(String... names) {
        String name = Arrays.stream(names).filter(one -> has(one + ".weight") || has(parametrized(one + ".weight"))).findFirst().orElseThrow(() -> new AssertionError("none of " + List.of(names)));
        return new Linear(matrix(name), has(name + ".bias") ? stored.vector(named(name + ".bias")) : null);
    }

    private double[][] matrix(String name) {
        if (has(name + ".weight")) {
            return stored.matrix(named(name + ".weight"));
        }
        String original = stored(parametrized(name + ".weight"));
        return stored.rows(original, 0, Math.toIntExact(checkpoint.tensors().find(original).orElseThrow().rows()));
    }

    /** How torch calls what is computed from something else, as the weights of Jina Embeddings v3 are with the adapter of a task. */
    private static String parametrized(String name) {
        int dot = name.lastIndexOf('.');
        return name.substring(0, dot) + ".parametrizations" + name.substring(dot) + ".original";
    }

    private boolean has(String name) {
        return stored(name) != null;
    }

    /** The name in the checkpoint, with or without the prefix of the class around it. */
    private String stored(String name) {
        return Stream.of("", "bert.", "roberta.", "distilbert.").map(prefix -> prefix + name).filter(full -> checkpoint.values(full) != null).findFirst().orElse(null);
    }

    /** The same, without {@code .weight} for matrices. */
    private String named(String name) {
        String found = stored(name);
        if (found == null) {
            throw new AssertionError("no " + name);
        }
        boolean matrix = checkpoint.tensors().find(found).orElseThrow().rank() == 2;
        return matrix ? found.substring(0, found.length() - ".weight".length()) : found;
    }
}
