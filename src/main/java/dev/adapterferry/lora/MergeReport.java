package dev.adapterferry.lora;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import java.util.List;
import java.util.Locale;

/**
 * What a merge did, as numbers that one can check: the record behind {@code merge-report.json}.
 *
 * @param base            the base's name
 * @param adapters        the adapters in the order of merging
 * @param tensorsAdapted  tensors that changed or are new
 * @param unmatchedKeys   tensors of the adapters that found no use; always 0, because a merge with one fails
 * @param nonFinite       elements that are NaN or infinite
 * @param elements        elements of the adapted tensors that were looked at
 * @param changedShare    share of them that differ from the base in the base's own type
 * @param tensors         the tensors one by one
 * @param samples         elements of the written outputs against {@code W + s·B·A}; empty when nothing was written yet
 * @param warnings        what the user should know
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record MergeReport(String base, List<Adapter> adapters, int tensorsAdapted, int unmatchedKeys, long nonFinite, long elements,
        double changedShare, List<Tensor> tensors, List<LandingCheck.Sample> samples, List<String> warnings) {

    /**
     * One adapter.
     *
     * @param name        its folder's name
     * @param format      PEFT or MLX
     * @param trainedOn   the base that it names, or null
     * @param tensors     tensors in its files, each used exactly once
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Adapter(String name, String format, String trainedOn, int tensors) { }

    /**
     * One adapted tensor.
     *
     * @param name          its name
     * @param adapter       the adapter that changed it
     * @param kind          what was done, for example {@code delta} or {@code replaced}
     * @param rank          rank of its delta, or null
     * @param scale         factor of its delta, or null
     * @param expectedNorm  Frobenius norm of {@code s·B·A}, from the factors alone; null where the change is more than a delta
     * @param actualNorm    Frobenius norm of the change
     * @param baseNorm      Frobenius norm of the weight before
     * @param changedShare  share of elements that differ in the base's type
     * @param nonFinite     elements that are NaN or infinite
     * @param complete      whether every row was looked at
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Tensor(String name, String adapter, String kind, Integer rank, Double scale, Double expectedNorm, double actualNorm, double baseNorm,
            double changedShare, long nonFinite, boolean complete) {
        /** Change over weight. */
        public double relativeChange() {
            return baseNorm == 0 ? 0 : actualNorm / baseNorm;
        }
    }

    /** The same report with samples of what was written. */
    public MergeReport withSamples(List<LandingCheck.Sample> more) {
        return new MergeReport(base, adapters, tensorsAdapted, unmatchedKeys, nonFinite, elements, changedShare, tensors, List.copyOf(more), warnings);
    }

    /**
     * Fails unless the adapters landed.
     *
     * @throws FerryException with the first thing that is not as it should be
     */
    public void requireLanded() {
        for (Tensor tensor : tensors) {
            if (tensor.nonFinite() > 0) {
                throw new FerryException("The merge is broken: tensor '" + tensor.name() + "' has " + tensor.nonFinite() + " values that are not finite.");
            }
            // The change is measured on f32 results, each rounded by up to 2^-24 of its weight.
            double slack = tensor.expectedNorm() == null ? 0 : 1e-3 * tensor.expectedNorm() + 0x1p-22 * tensor.baseNorm();
            if (tensor.expectedNorm() != null && tensor.complete() && Math.abs(tensor.actualNorm() - tensor.expectedNorm()) > slack) {
                throw new FerryException("The adapter did not land: tensor '" + tensor.name() + "' changed by " + tensor.actualNorm() + ", expected "
                        + tensor.expectedNorm() + " (Frobenius norms).");
            }
        }
        if (elements > 0 && changedShare == 0) {
            throw new FerryException("The adapter has no effect: not one of " + elements + " elements of " + tensorsAdapted
                    + " tensors differs from the base. It was not trained, or its delta is too small for the base's type.");
        }
        samples.forEach(LandingCheck.Sample::requireLanded);
    }

    /** The report as JSON. */
    public byte[] toJson() {
        try {
            return new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(this);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The report as a table for the terminal. */
    public String toTable() {
        int width = tensors.stream().mapToInt(t -> t.name().length()).max().orElse(6);
        StringBuilder table = new StringBuilder();
        table.append(row(width, "tensor", "rank", "scale", "expected", "actual", "relative", "changed"));
        for (Tensor t : tensors) {
            table.append(row(width, t.name(), t.rank() == null ? "-" : t.rank().toString(), t.scale() == null ? "-" : number("%.4g", t.scale()),
                    t.expectedNorm() == null ? "-" : number("%.5g", t.expectedNorm()), number("%.5g", t.actualNorm()), number("%.2f%%", 100 * t.relativeChange()),
                    number("%.1f%%", 100 * t.changedShare())));
        }
        table.append(String.format(Locale.ROOT, "%d tensors adapted, %d unmatched keys, %d values not finite, %.1f%% of elements changed, %d tensors sampled in the output%n",
                tensorsAdapted, unmatchedKeys, nonFinite, 100 * changedShare, samples.size()));
        warnings.forEach(warning -> table.append("warning: ").append(warning).append(System.lineSeparator()));
        return table.toString();
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    private static String row(int width, String name, String... cells) {
        StringBuilder line = new StringBuilder(String.format("%-" + width + "s", name));
        for (String cell : cells) {
            line.append(String.format(" %10s", cell));
        }
        return line.append(System.lineSeparator()).toString();
    }
}
