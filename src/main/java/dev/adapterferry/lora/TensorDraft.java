package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A {@link MergedTensor} in the making. */
final class TensorDraft {
    private final MergedTensor.BaseTensor base;
    private TensorInfo info;
    private TensorSource source;
    private TensorInfo origin;
    private int cols;
    private final List<Delta> deltas = new ArrayList<>();
    private Residual residual;
    private Magnitude magnitude;
    private TokenRows tokens;

    /**
     * @param name   name of the result
     * @param source the base
     * @param origin the tensor there that it starts from
     */
    TensorDraft(String name, TensorSource source, TensorInfo origin) {
        this.base = new MergedTensor.BaseTensor(source, origin);
        this.source = source;
        this.origin = origin;
        this.info = new TensorInfo(name, origin.type(), origin.shape());
        this.cols = Math.toIntExact(origin.rowLength());
    }

    TensorInfo info() {
        return info;
    }

    boolean isReplaced() {
        return source != base.source();
    }

    TensorSource source() {
        return source;
    }

    TensorInfo origin() {
        return origin;
    }

    List<Delta> deltas() {
        return deltas;
    }

    boolean hasMagnitude() {
        return magnitude != null;
    }

    boolean onlyTokens() {
        return deltas.isEmpty() && magnitude == null && !isReplaced();
    }

    /** The rows come from the adapter; the shape may differ (a vocabulary that grew). */
    void replace(TensorSource adapter, TensorInfo tensor) {
        source = adapter;
        origin = tensor;
        info = new TensorInfo(info.name(), info.type(), tensor.shape());
        cols = Math.toIntExact(tensor.rowLength());
    }

    /** Adds a delta on a matrix of so many columns. */
    void add(Delta delta) {
        cols = delta.cols();
        deltas.add(delta);
    }

    void residual(Residual part) {
        residual = part;
    }

    void magnitude(Magnitude lengths) {
        magnitude = lengths;
    }

    void tokens(TokenRows rows) {
        tokens = rows;
    }

    Optional<TokenRows> tokens() {
        return Optional.ofNullable(tokens);
    }

    /** The same changes under another name. */
    TensorDraft named(String name) {
        info = new TensorInfo(name, info.type(), info.shape());
        return this;
    }

    boolean hasTokens() {
        return tokens != null;
    }

    MergedTensor finish() {
        Optional<MergedTensor.BaseTensor> before = Optional.of(base).filter(b -> b.info().shape().equals(info.shape()));
        BlockProduct product = BlockProduct.forRank(deltas.stream().mapToInt(delta -> delta.shape().rank()).max().orElse(0));
        return new MergedTensor(info, base.source(), source, origin, before, cols, List.copyOf(deltas), Optional.ofNullable(residual), Optional.ofNullable(magnitude),
                Optional.ofNullable(tokens), product, new Landing((ElementType) info.type()));
    }
}
