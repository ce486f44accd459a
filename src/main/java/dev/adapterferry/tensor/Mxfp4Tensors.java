package dev.adapterferry.tensor;

import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The tensors of a checkpoint whose experts are stored as MXFP4, as gpt-oss is released: {@code X_blocks} (U8, [experts, rows, groups, 16])
 * holds two values of 4 bits per byte, the lower half first, {@code X_scales} (U8, [experts, rows, groups]) the exponent of each group of
 * 32. {@code X_blocks} is read as what it stands for, [experts, rows, 32 * groups] in BF16, which holds every such value exactly;
 * the scales disappear. Source: OCP Microscaling Formats 1.0; transformers' {@code convert_moe_packed_tensors}.
 */
final class Mxfp4Tensors extends KnownTensors<Mxfp4Tensors.Packed> {
    static final String BLOCKS = "_blocks";
    private static final String SCALES = "_scales";
    private static final int BYTES = 16;
    private static final int VALUES = 32;
    private static final int BIAS = 127;
    private static final float[] HALVES = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

    record Packed(TensorInfo info, TensorInfo blocks, TensorInfo scales) { }

    /**
     * @throws FerryException when blocks have no scales, or such of another shape
     */
    Mxfp4Tensors(Checkpoint checkpoint) {
        super(checkpoint.tensors());
        Map<String, Packed> packed = new HashMap<>();
        Set<String> gone = new HashSet<>();
        base.tensors().stream().filter(Mxfp4Tensors::isBlocks).forEach(blocks -> {
            Packed own = packed(checkpoint.name(), blocks);
            packed.put(blocks.name(), own);
            gone.add(own.scales().name());
        });
        for (TensorInfo tensor : base.tensors()) {
            if (packed.containsKey(tensor.name())) {
                Packed own = packed.get(tensor.name());
                compute(own.info(), own);
            } else if (!gone.contains(tensor.name())) {
                pass(tensor);
            }
        }
    }

    /** True for a tensor of packed values. */
    static boolean isBlocks(TensorInfo tensor) {
        return tensor.name().endsWith(BLOCKS) && tensor.type() == ElementType.U8 && tensor.rank() > 2 && tensor.rowLength() == BYTES;
    }

    private Packed packed(String model, TensorInfo blocks) {
        List<Long> groups = blocks.shape().subList(0, blocks.rank() - 1);
        String name = blocks.name().substring(0, blocks.name().length() - BLOCKS.length()) + SCALES;
        TensorInfo scales = base.find(name).orElseThrow(() -> new FerryException("Cannot read " + model + ": tensor '" + PrintableName.of(blocks.name()) + "' has no '" + PrintableName.of(name)
                + "' beside it. Download the base again."));
        if (scales.type() != ElementType.U8 || !scales.shape().equals(groups)) {
            throw new FerryException("Cannot read " + model + ": tensor '" + PrintableName.of(name) + "' has type " + scales.type().label() + " and shape " + scales.shape() + ", expected U8 and " + groups + ". Get the base again.");
        }
        List<Long> shape = new ArrayList<>(groups);
        shape.set(shape.size() - 1, groups.getLast() * VALUES);
        return new Packed(new TensorInfo(blocks.name(), ElementType.BF16, shape), blocks, scales);
    }

    @Override
    Optional<String> identityOf(Packed own) {
        return base.identity(own.blocks()).flatMap(blocks -> base.identity(own.scales()).map(scales -> blocks + " mxfp4 " + scales));
    }

    @Override
    void read(Packed own, TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        int groups = Math.toIntExact(own.scales().rowLength());
        float[] scales = new float[rows * groups];
        float[] bytes = new float[groups * BYTES];
        base.read(own.scales(), firstRow, rows, scales, 0);
        for (int row = 0; row < rows; row++) {
            base.read(own.blocks(), (firstRow + row) * groups, groups, bytes, 0);
            int at = offset + row * groups * VALUES;
            for (int group = 0; group < groups; group++) {
                float scale = power((int) scales[row * groups + group]);
                for (int b = 0; b < BYTES; b++) {
                    int two = (int) bytes[group * BYTES + b];
                    into[at++] = HALVES[two & 15] * scale;
                    into[at++] = HALVES[two >> 4] * scale;
                }
            }
        }
    }

    /** 2^(e - 127); 255 stands for no number. */
    private static float power(int exponent) {
        return exponent == 255 ? Float.NaN : Math.scalb(1f, exponent - BIAS);
    }
}
