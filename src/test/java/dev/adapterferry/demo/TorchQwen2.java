package dev.adapterferry.demo;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Qwen2 as a differentiable program, batches of equal length, with an optional LoRA term on each linear layer. Tensors are
 * named as in a Hugging Face checkpoint.
 */
final class TorchQwen2 {
    final Map<String, NDArray> weights = new LinkedHashMap<>();
    final Map<String, NDArray> adapter = new LinkedHashMap<>();
    private final DemoShape shape;
    private final float scale;

    TorchQwen2(DemoShape shape) {
        this.shape = shape;
        this.scale = (float) shape.alpha() / shape.rank();
    }

    /**
     * Logits of every position.
     *
     * @param oneHot tokens as rows of zeros and a one, {@code (batch * length, vocabulary)}
     * @return {@code (batch * length, vocabulary)}
     */
    NDArray forward(NDManager manager, NDArray oneHot, int batch, int length) {
        NDArray cos = manager.create(angles(length, false), new Shape(length, shape.headSize()));
        NDArray sin = manager.create(angles(length, true), new Shape(length, shape.headSize()));
        NDArray turn = manager.create(halfTurn(), new Shape(shape.headSize(), shape.headSize()));
        NDArray mask = manager.create(future(length), new Shape(length, length));
        NDArray x = oneHot.matMul(weights.get("model.embed_tokens.weight"));
        for (int layer = 0; layer < shape.layers(); layer++) {
            String name = "model.layers." + layer + ".";
            NDArray h = norm(x, name + "input_layernorm.weight");
            NDArray q = rotate(linear(h, name + "self_attn.q_proj").reshape(batch, length, shape.heads(), shape.headSize()).transpose(0, 2, 1, 3), cos, sin, turn);
            NDArray k = rotate(linear(h, name + "self_attn.k_proj").reshape(batch, length, shape.keyHeads(), shape.headSize()).transpose(0, 2, 1, 3), cos, sin, turn);
            NDArray v = linear(h, name + "self_attn.v_proj").reshape(batch, length, shape.keyHeads(), shape.headSize()).transpose(0, 2, 1, 3);
            int groups = shape.heads() / shape.keyHeads();
            NDArray grouped = q.reshape(batch, shape.keyHeads(), groups, length, shape.headSize());
            NDArray scores = grouped.matMul(k.expandDims(2).transpose(0, 1, 2, 4, 3)).div((float) Math.sqrt(shape.headSize())).add(mask).softmax(-1);
            NDArray mixed = scores.matMul(v.expandDims(2)).reshape(batch, shape.heads(), length, shape.headSize()).transpose(0, 2, 1, 3)
                    .reshape((long) batch * length, (long) shape.heads() * shape.headSize());
            x = x.add(linear(mixed, name + "self_attn.o_proj"));
            NDArray m = norm(x, name + "post_attention_layernorm.weight");
            NDArray gate = linear(m, name + "mlp.gate_proj");
            NDArray silu = gate.div(gate.neg().exp().add(1));
            x = x.add(linear(silu.mul(linear(m, name + "mlp.up_proj")), name + "mlp.down_proj"));
        }
        return norm(x, "model.norm.weight").matMul(weights.get("model.embed_tokens.weight").transpose());
    }

    private NDArray linear(NDArray x, String module) {
        NDArray out = x.matMul(weights.get(module + ".weight").transpose());
        if (weights.containsKey(module + ".bias")) {
            out = out.add(weights.get(module + ".bias"));
        }
        NDArray a = adapter.get(module + ".lora_A.weight");
        return a == null ? out : out.add(x.matMul(a.transpose()).matMul(adapter.get(module + ".lora_B.weight").transpose()).mul(scale));
    }

    private NDArray norm(NDArray x, String name) {
        return x.div(x.mul(x).mean(new int[] {-1}, true).add(shape.epsilon()).sqrt()).mul(weights.get(name));
    }

    private static NDArray rotate(NDArray x, NDArray cos, NDArray sin, NDArray turn) {
        return x.mul(cos).add(x.matMul(turn).mul(sin));
    }

    private float[] angles(int length, boolean sine) {
        int half = shape.headSize() / 2;
        float[] table = new float[length * shape.headSize()];
        for (int t = 0; t < length; t++) {
            for (int i = 0; i < shape.headSize(); i++) {
                double angle = t * Math.pow(shape.theta(), -2.0 * (i % half) / shape.headSize());
                table[t * shape.headSize() + i] = (float) (sine ? Math.sin(angle) : Math.cos(angle));
            }
        }
        return table;
    }

    /** The matrix that turns (first half, second half) into (minus second half, first half). */
    private float[] halfTurn() {
        int size = shape.headSize();
        int half = size / 2;
        float[] turn = new float[size * size];
        for (int i = 0; i < half; i++) {
            turn[(i + half) * size + i] = -1;
            turn[i * size + i + half] = 1;
        }
        return turn;
    }

    private static float[] future(int length) {
        float[] mask = new float[length * length];
        for (int row = 0; row < length; row++) {
            for (int column = row + 1; column < length; column++) {
                mask[row * length + column] = -1e9f;
            }
        }
        return mask;
    }
}
