package dev.adapterferry.convert;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where layers are of different kinds, llama.cpp tells them by their numbers of heads and their widths, and asks for the tensors of that kind and for no others.
 * This holds a checkpoint's tensors against the numbers of its configuration before anything is written.
 */
final class LayerForms {
    private final String model;
    private final TensorSource tensors;
    private final List<String> wrong = new ArrayList<>();

    private LayerForms(String model, TensorSource tensors) {
        this.model = model;
        this.tensors = tensors;
    }

    /**
     * Looks at every layer of a model that has a number of heads for each.
     *
     * @param model      the checkpoint's name, for messages
     * @param group      prefix of the keys, {@code general.architecture} with a dot
     * @param parameters the keys
     * @param tensors    tensors under GGUF names
     * @throws FerryException when a layer lacks a tensor of its kind, has one of another, or a matrix has other heads than the configuration says; names them
     */
    static void require(String model, String group, GgufMetadata parameters, TensorSource tensors) {
        Optional<int[]> heads = numbers(parameters, group + "attention.head_count");
        Optional<int[]> keyHeads = numbers(parameters, group + "attention.head_count_kv");
        if (heads.isEmpty() || keyHeads.isEmpty() || tensors.find("blk.0.attn_qkv.weight").isPresent()) {
            return;
        }
        long size = parameters.findLong(group + "attention.key_length").orElseThrow();
        Optional<int[]> inner = numbers(parameters, group + "feed_forward_length");
        LayerForms forms = new LayerForms(model, tensors);
        for (int i = 0; i < heads.get().length; i++) {
            forms.attention(i, heads.get()[i], keyHeads.get()[i], size);
            forms.feedForward(i, inner.isPresent() ? inner.get()[i] : -1);
        }
        forms.refuseWrong();
    }

    private static Optional<int[]> numbers(GgufMetadata parameters, String key) {
        return parameters.find(key).filter(value -> value.value() instanceof int[]).map(value -> (int[]) value.value());
    }

    private void attention(int layer, int heads, int keyHeads, long size) {
        String blk = "blk." + layer + ".";
        expect(blk + "attn_norm", heads > 0, 0);
        expect(blk + "attn_output", heads > 0, 0);
        expect(blk + "attn_q", keyHeads > 0, heads * size);
        expect(blk + "attn_k", keyHeads > 0, keyHeads * size);
        expect(blk + "attn_v", keyHeads > 0, keyHeads * size);
    }

    /**
     * A layer with experts has its own tensors, which the table of its architecture asks for.
     *
     * @param width as the configuration says for this layer; -1 where it is the same for all
     */
    private void feedForward(int layer, int width) {
        boolean has = width != 0;
        long rows = Math.max(0, width);
        String blk = "blk." + layer + ".";
        if (tensors.find(blk + "ffn_gate_inp.weight").isPresent()) {
            return;
        }
        expect(blk + "ffn_norm", has, 0);
        expect(blk + "ffn_gate", has, rows);
        expect(blk + "ffn_up", has, rows);
        expect(blk + "ffn_down", has, 0);
    }

    /** @param rows how many there must be; 0 where it does not matter */
    private void expect(String name, boolean there, long rows) {
        Optional<TensorInfo> found = tensors.find(name + ".weight");
        if (found.isPresent() != there) {
            wrong.add(there ? name + " is missing" : name + " is there, and config.json gives the layer no such part");
        } else if (there && rows > 0 && found.get().rows() != rows) {
            wrong.add(name + " has " + found.get().rows() + " rows, expected " + rows);
        }
    }

    private void refuseWrong() {
        if (!wrong.isEmpty()) {
            throw new FerryException("Cannot convert " + model + ": the weights do not fit the layers of config.json: " + String.join("; ", wrong.subList(0, Math.min(3, wrong.size())))
                    + (wrong.size() > 3 ? " and " + (wrong.size() - 3) + " more" : "") + ". Take the config.json that belongs to the weights.");
        }
    }
}
