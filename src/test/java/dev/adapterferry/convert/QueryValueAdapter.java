package dev.adapterferry.convert;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** An adapter on the queries and values of a tiny model as PEFT leaves it, for the tests of other packages. */
public final class QueryValueAdapter {
    private QueryValueAdapter() { }

    /**
     * Writes it into a folder named {@code adapter}.
     *
     * @param name a name of {@link TinyModels}; one of T5 gets the task type of models of encoder and decoder
     */
    public static Path write(String name, Path folder) throws IOException {
        boolean t5 = name.startsWith("t5");
        Random random = new Random(1);
        Map<TensorInfo, float[]> factors = new LinkedHashMap<>();
        for (TensorInfo weight : TinyModels.checkpoint(name, ElementType.F32).tensors().tensors()) {
            if (weight.name().matches(t5 ? ".*Attention\\.[qv]\\.weight" : ".*\\.[qv]_proj\\.weight")) {
                String module = weight.name().replaceAll("\\.weight$", "");
                factors.put(new TensorInfo(module + ".lora_A.weight", ElementType.F32, List.of(2L, (long) weight.rowLength())), gaussian(random, 2 * Math.toIntExact(weight.rowLength())));
                factors.put(new TensorInfo(module + ".lora_B.weight", ElementType.F32, List.of(weight.rows(), 2L)), gaussian(random, 2 * Math.toIntExact(weight.rows())));
            }
        }
        return TinyAdapter.write(folder, "\"r\":2,\"lora_alpha\":4,\"task_type\":" + (t5 ? "\"SEQ_2_SEQ_LM\",\"target_modules\":[\"q\",\"v\"]" : "\"CAUSAL_LM\",\"target_modules\":[\"q_proj\",\"v_proj\"]"), factors);
    }

    private static float[] gaussian(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() / 8;
        }
        return values;
    }
}
