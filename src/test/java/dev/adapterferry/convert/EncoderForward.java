package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * BERT's forward pass in double arithmetic from a checkpoint, as transformers' model classes define it: every token sees all, norms stand
 * behind the residuals. Nomic's turns queries and keys and has a gate.
 */
final class EncoderForward {
    private final MemoryCheckpoint checkpoint;
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final boolean nomic;
    private final boolean coarse;

    private EncoderForward(MemoryCheckpoint checkpoint, boolean coarse) {
        this.checkpoint = checkpoint;
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.nomic = className().startsWith("Nomic");
        this.coarse = coarse;
    }

    private String className() {
        return config.at("/architectures/0").asText();
    }

    /** Whether a checkpoint is one of these. */
    static boolean knows(MemoryCheckpoint checkpoint) {
        return checkpoint.rawConfig().at("/architectures/0").asText().contains("ert");
    }

    /**
     * One vector per token.
     *
     * @param coarse take GELU as llama.cpp does on the CPU: the approximation, of the nearest F16 and rounded to F16
     */
    static double[][] states(MemoryCheckpoint checkpoint, boolean coarse, int... tokens) {
        return new EncoderForward(checkpoint, coarse).states(tokens);
    }

    private double[][] states(int... tokens) {
        double[][] words = stored.matrix(named("embeddings.word_embeddings.weight"));
        double[] segment = stored.matrix(named("embeddings.token_type_embeddings.weight"))[0];
        // RoBERTa counts positions from behind the padding token's id.
        int first = className().contains("oberta") || className().contains("Roberta") ? config.get("pad_token_id").asInt() + 1 : 0;
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            double[] sum = plus(words[tokens[t]], segment, 1);
            x[t] = nomic ? sum : plus(sum, stored.matrix(named("embeddings.position_embeddings.weight"))[first + t], 1);
        }
        x = each(x, row -> norm(row, nomic ? "emb_ln" : "embeddings.LayerNorm"));
        for (int i = 0; i < 2; i++) {
            String l = nomic ? "encoder.layers." + i + "." : "encoder.layer." + i + ".";
            x = sum(x, attention(l).of(x), nomic ? l + "norm1" : l + "attention.output.LayerNorm");
            x = sum(x, each(x, row -> feedForward(row, l)), nomic ? l + "norm2" : l + "output.LayerNorm");
        }
        return x;
    }

    private double[][] sum(double[][] a, double[][] b, String norm) {
        double[][] out = new double[a.length][];
        for (int t = 0; t < a.length; t++) {
            out[t] = norm(plus(a[t], b[t], 1), norm);
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
        a.rotated = nomic;
        a.ropeDimensions = 16;
        a.ropeBase = config.path("rotary_emb_base").asDouble();
        a.norm = (row, none) -> row;
        if (nomic) {
            double[][] fused = stored.matrix(l + "attn.Wqkv");
            a.query = new Linear(Arrays.copyOfRange(fused, 0, 64), null);
            a.key = new Linear(Arrays.copyOfRange(fused, 64, 128), null);
            a.value = new Linear(Arrays.copyOfRange(fused, 128, 192), null);
            a.output = stored.linear(l + "attn.out_proj");
        } else {
            a.query = linear(l + "attention.self.query");
            a.key = linear(l + "attention.self.key");
            a.value = linear(l + "attention.self.value");
            a.output = linear(l + "attention.output.dense");
        }
        return a;
    }

    private double[] feedForward(double[] x, String l) {
        if (nomic) {
            double[] up = times(stored.linear(l + "mlp.fc11"), x);
            double[] gate = times(stored.linear(l + "mlp.fc12"), x);
            for (int i = 0; i < up.length; i++) {
                up[i] *= Arithmetic.silu(gate[i]);
            }
            return times(stored.linear(l + "mlp.fc2"), up);
        }
        double[] inner = Arrays.stream(times(linear(l + "intermediate.dense"), x)).map(v -> coarse ? half(Arithmetic.gelu(half(v))) : Arithmetic.exactGelu(v)).toArray();
        return times(linear(l + "output.dense"), inner);
    }

    private static double half(double x) {
        return Float.float16ToFloat(Float.floatToFloat16((float) x));
    }

    private double[] norm(double[] x, String name) {
        double epsilon = config.path(nomic ? "layer_norm_epsilon" : "layer_norm_eps").asDouble();
        String weight = named(name + ".weight", name + ".gamma");
        String bias = named(name + ".bias", name + ".beta");
        return Arithmetic.layerNorm(x, new Norm(stored.vector(weight), stored.vector(bias)), epsilon);
    }

    private Linear linear(String name) {
        return stored.linear(named(name + ".weight"));
    }

    /** The first of these that the checkpoint has, with or without the prefix of the class around it; without {@code .weight} for matrices. */
    private String named(String... names) {
        String found = Arrays.stream(names).flatMap(name -> Stream.of("", "bert.", "roberta.").map(prefix -> prefix + name)).filter(name -> checkpoint.values(name) != null).findFirst()
                .orElseThrow(() -> new AssertionError("none of " + List.of(names)));
        boolean matrix = checkpoint.tensors().find(found).orElseThrow().rank() == 2;
        return matrix ? found.substring(0, found.length() - ".weight".length()) : found;
    }
}
