package dev.adapterferry.pass;

import dev.adapterferry.files.Sha256;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.Fingerprint;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A request taken apart: all tensors with their strands, and all blocks in the order of the files.
 *
 * @param request      the request
 * @param work         per tensor
 * @param blocks       of all tensors
 * @param blockWeights about how many weights make a block
 */
record Workload(PassRequest request, List<TensorWork> work, List<RowBlock> blocks, int blockWeights) {
    /**
     * Takes a request apart.
     *
     * @throws IllegalArgumentException when a plan does not hold the source's tensors in the source's order
     */
    static Workload of(PassRequest request, int blockWeights) {
        List<TensorInfo> tensors = request.source().tensors();
        for (PassOutput output : request.outputs()) {
            if (!output.plan().tensors().stream().map(GgufPlan.Tensor::source).toList().equals(tensors)) {
                throw new IllegalArgumentException("the plan of " + output.file() + " does not hold the source's tensors in their order");
            }
        }
        return new Workload(request, TensorWork.of(request), RowBlock.cut(tensors, blockWeights), blockWeights);
    }

    /** The most strands that any tensor has. */
    int strands() {
        return work.stream().mapToInt(w -> w.strands().size()).max().orElse(0);
    }

    /** Number of weights in a block and all after it. */
    long weightsFrom(long block) {
        return blocks.subList((int) block, blocks.size()).stream().mapToLong(b -> b.rows() * work.get(b.tensor()).info().rowLength()).sum();
    }

    /** The types that rows are encoded to; what is copied is not among them. */
    Set<GgmlType> encodedTypes() {
        Set<GgmlType> types = EnumSet.noneOf(GgmlType.class);
        work.forEach(tensor -> tensor.strands().stream().filter(strand -> !strand.copy()).forEach(strand -> types.add(strand.type())));
        return types;
    }

    /** Byte at which a block begins in an output; the output's size for the block after the last. */
    long bytesBefore(long block, int file) {
        GgufPlan plan = request.outputs().get(file).plan();
        if (block == blocks.size()) {
            return plan.size();
        }
        RowBlock next = blocks.get((int) block);
        GgufPlan.Tensor tensor = plan.tensors().get(next.tensor());
        return tensor.offset() + next.firstRow() * tensor.rowBytes();
    }

    /** Bytes of all outputs that lie before a block. */
    long bytesBefore(long block) {
        long bytes = 0;
        for (int f = 0; f < request.outputs().size(); f++) {
            bytes += bytesBefore(block, f);
        }
        return bytes;
    }

    /** Bytes of all outputs. */
    long outputBytes() {
        return request.outputs().stream().mapToLong(o -> o.plan().size()).sum();
    }

    /** Changes whenever the bytes of an output would: what a journal must agree with. */
    String key(String toolVersion) {
        StringBuilder text = new StringBuilder("pass 2\n").append(toolVersion).append('\n').append(request.sourceKey()).append('\n').append(blockWeights).append('\n');
        for (Path input : request.inputs()) {
            text.append(Fingerprint.of(input)).append('\n');
        }
        for (PassOutput output : request.outputs()) {
            text.append(output.file().toAbsolutePath()).append(' ').append(Sha256.of(output.plan().header())).append('\n');
        }
        for (TensorWork tensor : work) {
            text.append(CacheUse.importanceHash(tensor.importance())).append('\n');
        }
        return Sha256.of(text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
}
