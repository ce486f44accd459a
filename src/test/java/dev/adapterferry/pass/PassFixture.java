package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.tensor.TensorInfo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Requests over a {@link GeneratedSource}, and the files they must give, put together tensor by tensor without the pass. */
final class PassFixture {
    static final int BLOCK_WEIGHTS = 2000;
    static final int BLOCKS_PER_CHECKPOINT = 4;

    private PassFixture() { }

    static PassOutput output(GeneratedSource source, Path folder, GgmlType type) {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "test").putString("general.name", "Fährmann").putUint32("general.file_type", type.id());
        return new PassOutput(type.name(), folder.resolve("m-" + type + ".gguf"), GgufPlan.of(metadata, source.tensors(), tensor -> typeOf(tensor, type)));
    }

    /** Norms F32, the output Q6_K, widths that do not fit Q8_0, everything else as asked for. */
    static GgmlType typeOf(TensorInfo tensor, GgmlType type) {
        if (tensor.rank() < 2) {
            return GgmlType.F32;
        }
        if (tensor.name().equals("output.weight")) {
            return GgmlType.Q6_K;
        }
        return tensor.rowLength() % type.blockElements() == 0 ? type : GgmlType.Q8_0;
    }

    static PassRequest request(GeneratedSource source, Path folder, GgmlType... types) {
        return new PassRequest("m", source, "key", List.of(), Arrays.stream(types).map(type -> output(source, folder, type)).toList(), Optional.empty(),
                Optional.of(folder.resolve("m.manifest.json")));
    }

    static PassRequest with(PassRequest request, String sourceKey, List<Path> inputs, Optional<ImportanceMatrix> importance) {
        return new PassRequest(request.name(), request.source(), sourceKey, inputs, request.outputs(), importance, request.manifest());
    }

    static QuantizationPass pass(PassSettings settings) {
        return new QuantizationPass(settings, BLOCK_WEIGHTS, BLOCKS_PER_CHECKPOINT);
    }

    static PassSettings threads(int threads) {
        return new PassSettings(threads, Optional.empty(), Optional.empty());
    }

    static PassSettings journalled(int threads, Path journals) {
        return new PassSettings(threads, Optional.of(journals), Optional.empty());
    }

    static PassResult run(PassSettings settings, PassRequest request) {
        return pass(settings).run(request, Progress.NONE, new Cancellation());
    }

    /** Number of blocks that a journal vouches for; 0 without one. A line without an end does not count. */
    static long journalledBlocks(Path journal) {
        try {
            String text = Files.exists(journal) ? Files.readString(journal) : "";
            String last = text.substring(0, text.lastIndexOf('\n') + 1).lines().reduce("", (a, b) -> b);
            return last.contains("blocks") ? Long.parseLong(last.replaceAll(".*\"blocks\":(\\d+).*", "$1")) : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Rows in that many blocks of a source. */
    static long rowsIn(long blocks, GeneratedSource source) {
        return RowBlock.cut(source.tensors(), BLOCK_WEIGHTS).subList(0, (int) blocks).stream().mapToLong(RowBlock::rows).sum();
    }

    /** The file that an output must become. */
    static byte[] expected(GeneratedSource source, PassOutput output, Optional<ImportanceMatrix> importance) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(output.plan().header());
        for (GgufPlan.Tensor tensor : output.plan().tensors()) {
            out.writeBytes(encoded(source, tensor.source(), tensor.type(), importance));
            while (out.size() % 32 != 0) {
                out.write(0);
            }
        }
        return out.toByteArray();
    }

    private static byte[] encoded(GeneratedSource source, TensorInfo tensor, GgmlType type, Optional<ImportanceMatrix> importance) {
        int width = (int) tensor.rowLength();
        int slices = tensor.rank() == 3 ? (int) (long) tensor.shape().getFirst() : 1;
        int rows = (int) tensor.rows() / slices;
        float[] weights = importance.flatMap(m -> m.find(tensor.name(), width, slices)).orElse(null);
        float[] values = new float[rows * width];
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int s = 0; s < slices; s++) {
            for (int i = 0; i < values.length; i++) {
                values[i] = source.value(tensor, (long) s * rows + i / width, i % width);
            }
            byte[] bytes = new byte[(int) type.bytesFor(values.length)];
            Kernels.forType(type).encode(values, 0, rows, width, weights, weights == null ? 0 : s * width, bytes, 0);
            out.writeBytes(bytes);
        }
        return out.toByteArray();
    }
}
