package dev.adapterferry.lora;

import dev.adapterferry.progress.Cancellation;
import java.util.ArrayList;
import java.util.List;

/** Collects what was measured of each tensor while it was read, from the lowest adapter to the highest. */
final class MergeAccount {
    private final MergedCheckpoint merged;
    private final List<MergeReport.Adapter> adapters = new ArrayList<>();
    private final List<MergeReport.Tensor> lines = new ArrayList<>();

    /** @param merged the highest level */
    MergeAccount(MergedCheckpoint merged) {
        this.merged = merged;
    }

    /** The report, as far as rows were read. */
    MergeReport report() {
        collect(merged);
        long elements = 0;
        double changed = 0;
        long nonFinite = 0;
        for (MergeReport.Tensor line : lines) {
            long of = merged.tensors().find(line.name()).orElseThrow().elements();
            elements += of;
            changed += line.changedShare() * of;
            nonFinite += line.nonFinite();
        }
        List<String> told = new ArrayList<>(merged.warnings());
        lines.stream().filter(line -> line.relativeChange() > 1).forEach(line -> told.add(
                "tensor '" + line.name() + "' changed by more than its own size: is this the right base?"));
        return new MergeReport(merged.original().name(), adapters, merged.adaptedTensors().size(), 0, nonFinite, elements, elements == 0 ? 0 : changed / elements, lines, List.of(), told);
    }

    private void collect(MergedCheckpoint level) {
        if (level.base() instanceof MergedCheckpoint below) {
            collect(below);
        }
        AdapterFolder adapter = level.adapter();
        adapters.add(new MergeReport.Adapter(adapter.name(), adapter.config().format().name(), adapter.config().baseName().orElse(null), adapter.tensors().tensors().size()));
        level.plan().tensors().values().forEach(tensor -> {
            Cancellation.current().check("report on " + level.name());
            lines.add(line(adapter, tensor));
        });
    }

    private static MergeReport.Tensor line(AdapterFolder adapter, MergedTensor tensor) {
        Landing.Measured measured = tensor.landing().measured();
        boolean onlyDelta = !tensor.deltas().isEmpty() && tensor.magnitude().isEmpty() && tensor.residual().isEmpty() && tensor.tokens().isEmpty()
                && tensor.source() == tensor.baseSource();
        Delta first = tensor.deltas().isEmpty() ? null : tensor.deltas().getFirst();
        return new MergeReport.Tensor(tensor.info().name(), adapter.name(), tensor.kind(), first == null ? null : first.shape().rank(), first == null ? null : first.scale(),
                onlyDelta ? DeltaNorm.of(tensor.deltas()) : null, measured.change(), measured.base(),
                measured.elements() == 0 ? 0 : (double) measured.changed() / measured.elements(), measured.nonFinite(), tensor.isMeasured());
    }
}
