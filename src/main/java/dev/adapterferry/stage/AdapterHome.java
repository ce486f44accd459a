package dev.adapterferry.stage;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SourceSettings;
import dev.adapterferry.source.AdapterArchive;
import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.source.Sources;
import dev.adapterferry.transfer.Bandwidth;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Path;
import java.util.Optional;

/** Brings one adapter home as the settings have it: the same for a run and for {@code ferry pull}. Safe for many threads. */
public final class AdapterHome {
    private final AdapterSources sources;
    private final Settings settings;

    /**
     * What lies here now.
     *
     * @param adapter the adapter, complete and verified
     * @param archive the archive of it, where one is kept
     */
    public record Arrival(PulledAdapter adapter, Optional<Path> archive) { }

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
     * Pulls an adapter, or finds that it is here already.
     *
     * @param spec         where it is
     * @param into         folder to make
     * @param progress     hears bytes per file
     * @param cancellation stops it; what came is kept for the next time
     */
    public Arrival bring(SourceSpec spec, Path into, Progress progress, Cancellation cancellation) {
        SourceSettings source = settings.source();
        AdapterPull.Terms finished = AdapterPull.Terms.finished(AdapterSources.look(settings), source.parallelFiles());
        AdapterPull.Terms terms = source.acceptUnfinished() ? finished.orUnfinished() : finished.suited(spec);
        Bandwidth bandwidth = source.bandwidthLimit().map(limit -> new Bandwidth(limit.bytes())).orElse(Bandwidth.UNLIMITED);
        PulledAdapter adapter;
        try (Sources opened = sources.open(settings); FileTree tree = opened.open(spec)) {
            adapter = new AdapterPull(terms).pull(tree, into, new TransferTerms(bandwidth, progress, cancellation));
        }
        if (source.archive() == SourceSettings.Archive.NONE) {
            return new Arrival(adapter, Optional.empty());
        }
        Path archive = archive(adapter);
        AdapterArchive.write(adapter, archive, progress, cancellation);
        return new Arrival(adapter, Optional.of(archive));
    }

    /** Named by the content, so that an adapter trained anew does not replace the archive of the one before. */
    private Path archive(PulledAdapter adapter) {
        return settings.home().resolve("archives").resolve(adapter.folder().getFileName() + "-" + adapter.identity().substring(0, 12) + ".tar.zst");
    }
}
