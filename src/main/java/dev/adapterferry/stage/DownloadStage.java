package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.source.AdapterSketch;
import dev.adapterferry.source.PullRecord;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.FurtherTemplates;
import dev.adapterferry.tensor.SentenceModules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Brings the adapter home, or takes the folder that the request names. */
public final class DownloadStage implements StageWork {
    private final AdapterSources sources;
    private final Ledger ledger;
    private final BaseGate gate;

    /**
     * @param sources opens the place where the adapter lies
     * @param ledger  remembers which adapters were carried
     * @param bases   finds the base, which is looked at first
     */
    public DownloadStage(AdapterSources sources, Ledger ledger, LocalBases bases) {
        this.sources = sources;
        this.ledger = ledger;
        this.gate = new BaseGate(bases);
    }

    @Override
    public Stage stage() {
        return Stage.DOWNLOAD;
    }

    @Override
    public Class<Facts.Downloaded> facts() {
        return Facts.Downloaded.class;
    }

    /** What lies at the source is a question about now; the pull itself finds that nothing is to be done. */
    @Override
    public Optional<String> key(RunContext run) {
        return Optional.empty();
    }

    @Override
    public Facts.Downloaded carry(RunContext run) {
        Facts.Downloaded downloaded = run.request().adapter() != null ? local(Path.of(run.request().adapter())) : pull(run);
        if (run.request().wants(Stage.MERGE)) {
            // A pull alone does not carry an adapter: the schedule may still find it and take it through.
            ledger.adapters().add(downloaded.identity(), run.name(), run.request().instanceId(), downloaded.source(), run.id());
        }
        return downloaded;
    }

    private Facts.Downloaded pull(RunContext run) {
        Optional<Consumer<AdapterSketch>> judge = gate.enter(run);
        Settings settings = run.settings();
        SourceSpec spec = sources.spec(settings, run.name(), Optional.ofNullable(run.request().instanceId()));
        Progress named = run.progress().about(run.name());
        return Facts.Downloaded.of(new AdapterHome(sources, settings).bring(spec, AdapterHome.folder(settings, run.name()), named, run.cancellation(), judge));
    }

    /** What a merge reads in folders of the adapter's. */
    private static Stream<Path> inFolders(Path folder) {
        return Stream.concat(CheckpointFolder.findFile(folder, "chat_template.jinja").stream().flatMap(template -> FurtherTemplates.beside(template).stream()),
                CheckpointFolder.findFile(folder, SentenceModules.NAME).stream().flatMap(modules -> SentenceModules.read(modules).files().stream()));
    }

    /** A folder that the user named is used where it lies; only what a merge reads is counted. */
    static Facts.Downloaded local(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new FerryException("Cannot use the adapter " + folder + ": there is no such folder.");
        }
        Map<String, String> digests = new LinkedHashMap<>();
        List<Facts.Item> items = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : Stream.concat(files.filter(Files::isRegularFile).sorted(), inFolders(folder)).toList()) {
                String name = folder.relativize(file).toString().replace('\\', '/');
                if (PullRecord.isReadByMerge(name)) {
                    String sha256 = Sha256.of(file);
                    digests.put(name, sha256);
                    items.add(new Facts.Item(file.toAbsolutePath().normalize(), Files.size(file), sha256));
                }
            }
        } catch (IOException e) {
            throw new FerryException("Cannot read the adapter folder " + folder + ": " + e.getMessage(), e);
        }
        return new Facts.Downloaded(folder.toAbsolutePath().normalize(), PullRecord.identity(digests), folder.toString(), items, 0, null, null);
    }

    @Override
    public String summary(Object facts) {
        Facts.Downloaded downloaded = (Facts.Downloaded) facts;
        long bytes = downloaded.items().stream().mapToLong(Facts.Item::bytes).sum();
        return downloaded.items().size() + " files, " + bytes + " bytes, " + (downloaded.bytes() == 0 ? "nothing to transfer" : downloaded.bytes() + " transferred, digests equal on both sides")
                + (downloaded.archive() == null ? "" : ", archived as " + downloaded.archive()) + (downloaded.instance() == null ? "" : ". " + downloaded.instance().sentence());
    }
}
