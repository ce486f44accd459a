package dev.adapterferry.convert;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** An adapter on the tiny T5 as PEFT leaves it ({@code SEQ_2_SEQ_LM}, queries and values), for the tests of other packages. */
public final class T5Adapter {
    private T5Adapter() { }

    /** Writes an adapter of the base's queries and values into a folder named {@code adapter}. */
    public static Path write(Path folder) throws IOException {
        Random random = new Random(1);
        Map<TensorInfo, float[]> factors = new LinkedHashMap<>();
        for (TensorInfo weight : TinyModels.checkpoint("t5", ElementType.F32).tensors().tensors()) {
            if (weight.name().matches(".*Attention\\.[qv]\\.weight")) {
                String module = weight.name().replaceAll("\\.weight$", "");
                factors.put(new TensorInfo(module + ".lora_A.weight", ElementType.F32, List.of(2L, (long) weight.rowLength())), gaussian(random, 2 * Math.toIntExact(weight.rowLength())));
                factors.put(new TensorInfo(module + ".lora_B.weight", ElementType.F32, List.of(weight.rows(), 2L)), gaussian(random, 2 * Math.toIntExact(weight.rows())));
            }
        }
        return TinyAdapter.write(folder, "\"task_type\":\"SEQ_2_SEQ_LM\",\"r\":2,\"lora_alpha\":4,\"target_modules\":[\"q\",\"v\"]", factors);
    }

    private static float[] gaussian(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() / 8;
        }
        return values;
    }
}
