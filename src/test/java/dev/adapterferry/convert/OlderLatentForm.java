package dev.adapterferry.convert;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A converted DeepSeek model as files held it before April 2025, which the embedded llama.cpp can load: keys and values of all heads in one
 * {@code attn_kv_b}, put together again from the two parts that the converter made of it.
 */
record OlderLatentForm(TensorSource source, int heads) implements TensorSource {
    /** The model in that form. */
    static ConvertedModel of(ConvertedModel model) {
        GgufMetadata keys = model.metadata().copy();
        int heads = Math.toIntExact(keys.findLong("deepseek2.attention.head_count").orElseThrow());
        keys.putUint32("deepseek2.attention.head_count_kv", heads);
        keys.putUint32("deepseek2.attention.key_length", keys.findLong("deepseek2.attention.key_length_mla").orElseThrow());
        keys.putUint32("deepseek2.attention.value_length", keys.findLong("deepseek2.attention.value_length_mla").orElseThrow());
        return new ConvertedModel(model.architecture(), new OlderLatentForm(model.tensors(), heads), keys, model.tokenizer(), model.parameters(), model.notes());
    }

    @Override
    public List<TensorInfo> tensors() {
        List<TensorInfo> all = new ArrayList<>();
        for (TensorInfo tensor : source.tensors()) {
            if (tensor.name().endsWith("attn_k_b.weight")) {
                long rank = tensor.shape().get(1);
                long plain = tensor.shape().get(2);
                long value = source.find(tensor.name().replace("attn_k_b", "attn_v_b")).orElseThrow().shape().get(1);
                all.add(new TensorInfo(tensor.name().replace("attn_k_b", "attn_kv_b"), tensor.type(), List.of(heads * (plain + value), rank)));
            } else if (!tensor.name().endsWith("attn_v_b.weight")) {
                all.add(tensor);
            }
        }
        return all;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return tensors().stream().filter(t -> t.name().equals(name)).findFirst();
    }

    @Override
    public void read(TensorInfo info, long firstRow, int rows, float[] into, int offset) {
        if (!info.name().endsWith("attn_kv_b.weight")) {
            source.read(info, firstRow, rows, into, offset);
            return;
        }
        int rank = Math.toIntExact(info.rowLength());
        float[] keys = all(info.name().replace("attn_kv_b", "attn_k_b"));
        float[] values = all(info.name().replace("attn_kv_b", "attn_v_b"));
        int plain = keys.length / rank / heads;
        int value = values.length / rank / heads;
        for (int row = 0; row < rows; row++) {
            int head = (int) ((firstRow + row) / (plain + value));
            int within = (int) ((firstRow + row) % (plain + value));
            for (int r = 0; r < rank; r++) {
                into[offset + row * rank + r] = within < plain ? keys[(head * rank + r) * plain + within] : values[(head * value + within - plain) * rank + r];
            }
        }
    }

    private float[] all(String name) {
        TensorInfo tensor = source.find(name).orElseThrow();
        float[] values = new float[Math.toIntExact(tensor.elements())];
        source.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
        return values;
    }

    @Override
    public void close() { }
}
