package dev.adapterferry.lora;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
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
 * @param outputs         what was written, sampled and held against {@code W + s·B·A}; empty when nothing was written yet
 * @param warnings        what the user should know
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record MergeReport(String base, List<Adapter> adapters, int tensorsAdapted, int unmatchedKeys, long nonFinite, long elements,
        double changedShare, List<Tensor> tensors, List<Output> outputs, List<String> warnings) {
    private static final String KEPT = " Nothing of it is kept. Try once more; if it stays so, report it with the names of base and adapter.";


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

    /**
     * One written output: a merged checkpoint or a quantized file.
     *
     * @param file    its name
     * @param samples its adapted tensors
     */
    public record Output(String file, List<Sample> samples) {
        /** Copies the list. */
        public Output {
            samples = List.copyOf(samples);
        }

        /** All samples as one: how far the output as a whole moved, each tensor counting as much as it can tell. */
        Sample whole() {
            double weights = 0;
            double moved = 0;
            double shortening = 0;
            double worst = 0;
            long elements = 0;
            for (Sample sample : samples) {
                elements += sample.elements();
                worst = Math.max(worst, sample.worst());
                if (sample.moved() != null) {
                    // A rounding error that happens to be zero must not outweigh everything.
                    double weight = 1 / (sample.noise() * sample.noise() + 1e-6);
                    weights += weight;
                    moved += weight * sample.moved();
                    shortening += weight * sample.shortening();
                }
            }
            return new Sample("all " + samples.size() + " adapted tensors", file, elements, worst, weights == 0 ? null : moved / weights,
                    weights == 0 ? 0 : Math.sqrt(1 / weights), weights == 0 ? 0 : shortening / weights);
        }

        boolean landed() {
            return samples.stream().allMatch(Sample::landed) && whole().landed();
        }

        /** Whether the samples show the delta, not only that nothing contradicts it. */
        boolean tells() {
            return whole().tells() || samples.stream().allMatch(sample -> sample.moved() == null);
        }

        private void requireLanded() {
            for (Sample sample : samples.stream().filter(s -> !s.landed()).limit(1).toList()) {
                throw new FerryException("The adapter did not land in " + file + ": tensor '" + sample.tensor() + "', kept as " + sample.format() + ", "
                        + (sample.worst() <= 1 ? "moved by " + "%.3f".formatted(sample.moved()) + " of the delta that was expected." : "differs from W + s·B·A by "
                        + "%.1f".formatted(sample.worst()) + " times the format's rounding.") + KEPT);
            }
            if (!whole().landed()) {
                throw new FerryException("The adapter did not land in " + file + ": its tensors together moved by " + "%.3f".formatted(whole().moved()) + " of the delta that was expected." + KEPT);
            }
        }
    }

    /** The same report with what was written. Where a format is coarser than the delta, so that no sample could show it, a warning says so. */
    public MergeReport withOutputs(List<Output> written) {
        List<String> told = new ArrayList<>(warnings);
        written.stream().filter(output -> !output.tells()).forEach(output -> told.add("the delta is finer than the rounding of " + output.file()
                + ", so that samples of it cannot show that the adapter landed there; a format with more bits would keep more of it"));
        return new MergeReport(base, adapters, tensorsAdapted, unmatchedKeys, nonFinite, elements, changedShare, tensors, List.copyOf(written), told);
    }

    /**
     * Fails unless the adapters landed.
     *
     * @throws FerryException with the first thing that is not as it should be
     */
    public void requireLanded() {
        for (Tensor tensor : tensors) {
            if (!tensor.complete()) {
                throw new IllegalStateException("rows of tensor " + tensor.name() + " were never read: the report is not complete");
            }
            if (tensor.nonFinite() > 0) {
                throw new FerryException("The merge is broken: tensor '" + tensor.name() + "' has " + tensor.nonFinite() + " values that are not finite." + KEPT);
            }
            // The change is measured on f32 results, each rounded by up to 2^-24 of its weight.
            double slack = tensor.expectedNorm() == null ? 0 : 1e-3 * tensor.expectedNorm() + 0x1p-22 * tensor.baseNorm();
            if (tensor.expectedNorm() != null && Math.abs(tensor.actualNorm() - tensor.expectedNorm()) > slack) {
                throw new FerryException("The adapter did not land: tensor '" + tensor.name() + "' changed by " + tensor.actualNorm() + ", expected "
                        + tensor.expectedNorm() + " (Frobenius norms)." + KEPT);
            }
        }
        if (changedShare == 0) {
            throw new FerryException("The adapter has no effect: not one of " + elements + " elements of " + tensorsAdapted
                    + " tensors differs from the base. It was not trained, or its delta is too small for the base's type. Write F32 (--dtype f32), or train it further.");
        }
        outputs.forEach(Output::requireLanded);
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
        table.append(String.format(Locale.ROOT, "%d tensors adapted, %d unmatched keys, %d values not finite, %.1f%% of elements changed%n",
                tensorsAdapted, unmatchedKeys, nonFinite, 100 * changedShare));
        for (Output output : outputs) {
            Sample whole = output.whole();
            table.append(String.format(Locale.ROOT, "%s: %d elements of %d tensors read back, largest error %.2f of the format's rounding, moved by %s of the delta%n", output.file(),
                    whole.elements(), output.samples().size(), whole.worst(), whole.moved() == null ? "-" : number("%.3f", whole.moved()) + " ± " + number("%.3f", whole.noise())));
        }
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
