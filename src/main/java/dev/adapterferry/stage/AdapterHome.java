package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SourceSettings;
import dev.adapterferry.source.AdapterArchive;
import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.AdapterSketch;
import dev.adapterferry.source.PullRecord;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.source.Sources;
import dev.adapterferry.source.vast.AfterPull;
import dev.adapterferry.source.vast.CostGuard;
import dev.adapterferry.transfer.Bandwidth;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings one adapter home as the settings have it: the same for a run and for {@code ferry pull}. Safe for many threads. */
public final class AdapterHome {
    private static final Logger LOG = LoggerFactory.getLogger(AdapterHome.class);
    /** How long an instance may take to stop before people are told that it has not. */
    private static final Duration REACHED_WITHIN = Duration.ofMinutes(5);

    private final AdapterSources sources;
    private final Settings settings;

    /**
     * What lies here now.
     *
     * @param adapter the adapter, complete and verified
     * @param archive the archive of it, where one is kept
     * @param instance what became of the rented instance, where something was to
     */
    public record Arrival(PulledAdapter adapter, Optional<Path> archive, Optional<CostGuard.Outcome> instance) { }

    /**
     * @param sources  opens places
     * @param settings how to pull
     */
    public AdapterHome(AdapterSources sources, Settings settings) {
        this.sources = sources;
        this.settings = settings;
    }

    /** The folder that a model's adapter is kept in. */
    public static Path folder(Settings settings, String model) {
        return settings.home().resolve("adapters").resolve(model);
    }

    /**
     * Finds out whether anybody can tell where a model's adapter comes from.
     *
     * @throws dev.adapterferry.failure.SettingsException when nobody can
     */
    public void requireSource(String model) {
        sources.spec(settings, model, Optional.empty());
    }

    /**
     * Pulls an adapter, or finds that it is here already.
     *
     * @param spec         where it is
     * @param into         folder to make
     * @param progress     hears bytes per file
     * @param cancellation stops it; what came is kept for the next time
     */
    public Arrival bring(SourceSpec spec, Path into, Progress progress, Cancellation cancellation) {
        return cancellation.over(() -> bring(spec, into, progress, cancellation, Optional.empty()));
    }

    /**
     * The same for an adapter that is pulled only if somebody lets it pass.
     *
     * @param judge hears what can be told before the weights come, and throws to refuse it
     */
    Arrival bring(SourceSpec spec, Path into, Progress progress, Cancellation cancellation, Optional<Consumer<AdapterSketch>> judge) {
        SourceSettings source = settings.source();
        AdapterPull.Terms finished = AdapterPull.Terms.finished(AdapterSources.look(settings), source.parallelFiles());
        AdapterPull.Terms terms = source.acceptUnfinished() ? finished.orUnfinished() : finished.suited(spec);
        Bandwidth bandwidth = source.bandwidthLimit().map(limit -> new Bandwidth(limit.bytes())).orElse(Bandwidth.UNLIMITED);
        PulledAdapter adapter = pull(spec, new AdapterPull(terms), judge, into, new TransferTerms(bandwidth, progress, cancellation));
        Optional<Path> archive = Optional.of(archive(adapter)).filter(file -> source.archive() == SourceSettings.Archive.ZSTD);
        archive.ifPresent(file -> AdapterArchive.write(adapter, file, progress, cancellation));
        return new Arrival(adapter, archive, spec instanceof SourceSpec.Vast vast ? guard(vast.instance(), adapter, cancellation) : Optional.empty());
    }

    /** The last thing: whatever was to be done with the adapter here is done. */
    private Optional<CostGuard.Outcome> guard(long instance, PulledAdapter adapter, Cancellation cancellation) {
        AfterPull wanted = AfterPull.valueOf(settings.source().afterPull().name());
        if (wanted == AfterPull.KEEP) {
            return Optional.empty();
        }
        List<String> waiting = stillThere(instance, adapter.folder());
        if (!waiting.isEmpty()) {
            return Optional.of(CostGuard.Outcome.kept(instance, wanted, String.join(", ", waiting) + " of it " + (waiting.size() == 1 ? "is" : "are") + " not home yet"));
        }
        CostGuard.Outcome outcome = new CostGuard(sources.vast(settings), REACHED_WITHIN).act(wanted, adapter.homecoming(instance), cancellation);
        LOG.info("{}", outcome.sentence());
        return Optional.of(outcome);
    }

    /** Other models of the instance whose newest adapter is not here: never pulled, trained anew since, or still in training. */
    private List<String> stillThere(long instance, Path pulled) {
        return settings.models().entrySet().stream().filter(model -> model.getValue().enabled() && model.getValue().source().instanceId().equals(OptionalLong.of(instance)))
                .filter(model -> !folder(settings, model.getKey()).equals(pulled))
                .filter(model -> !isHome(new SourceSpec.Vast(instance, model.getValue().source().path()), folder(settings, model.getKey()))).map(Map.Entry::getKey).toList();
    }

    private boolean isHome(SourceSpec spec, Path folder) {
        Optional<String> here = PullRecord.read(folder).map(PulledAdapter::identity);
        if (here.isEmpty()) {
            return false;
        }
        try (Sources opened = sources.open(settings); FileTree tree = opened.open(spec)) {
            return new AdapterPull(AdapterPull.Terms.finished(AdapterSources.look(settings), 1)).look(tree).identity().equals(here);
        } catch (FerryException e) {
            LOG.info("Cannot tell whether anything else waits on {}: {}", spec, e.getMessage());
            return false;
        }
    }

    private PulledAdapter pull(SourceSpec spec, AdapterPull pull, Optional<Consumer<AdapterSketch>> judge, Path into, TransferTerms transfer) {
        try (Sources opened = sources.open(settings); FileTree tree = opened.open(spec)) {
            judge.ifPresent(j -> pull.sketch(tree).ifPresent(j));
            return pull.pull(tree, into, transfer);
        }
    }

    /** Named by the content, so that an adapter trained anew does not replace the archive of the one before. */
    private Path archive(PulledAdapter adapter) {
        return settings.home().resolve("archives").resolve(adapter.folder().getFileName() + "-" + adapter.identity().substring(0, 12) + ".tar.zst");
    }
}
