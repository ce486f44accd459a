package dev.adapterferry.convert;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.ModelFacts;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.quant.TypeSelection;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;

/** Writes converted models in tests, row block by row block. */
final class GgufFiles {
    private GgufFiles() { }

    /** Writes the matrices that a mix may change in F16 or F32, and everything else in F32. */
    static Path write(ConvertedModel model, Path file, GgmlType matrices) {
        GgufMetadata metadata = model.metadata().copy().putUint32("general.file_type", matrices == GgmlType.F32 ? 0 : 1);
        TypeSelection selection = new TypeSelection(new ModelFacts(model.architecture(), 0, 0, 0, 0), TypeRequest.of(matrices == GgmlType.F32 ? Mix.F32 : Mix.F16, false));
        Map<String, TypeSelection.Choice> types = selection.choose(model.tensors().tensors().stream().map(t -> new TensorInfo(t.name(), GgmlType.F32, t.shape())).toList());
        GgufPlan plan = GgufPlan.of(metadata, model.tensors().tensors(), t -> types.get(t.name()).type());
        try (GgufWriter writer = GgufWriter.create(file, plan)) {
            for (int i = 0; i < plan.tensors().size(); i++) {
                GgufPlan.Tensor tensor = plan.tensors().get(i);
                int length = Math.toIntExact(tensor.source().rowLength());
                // An odd block size, so that blocks straddle heads and experts.
                int block = 37;
                for (long row = 0; row < tensor.source().rows(); row += block) {
                    int rows = (int) Math.min(block, tensor.source().rows() - row);
                    float[] values = new float[rows * length];
                    model.tensors().read(tensor.source(), row, rows, values, 0);
                    byte[] bytes = new byte[Math.toIntExact(rows * tensor.rowBytes())];
                    Kernels.forType(tensor.type()).encode(values, 0, rows, length, null, 0, bytes, 0);
                    writer.write(i, row * tensor.rowBytes(), ByteBuffer.wrap(bytes));
                }
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All values of a tensor. */
    static float[] read(ConvertedModel model, String name) {
        var tensor = model.tensors().find(name).orElseThrow();
        float[] values = new float[Math.toIntExact(tensor.elements())];
        model.tensors().read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
        return values;
    }
}
