package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileChanged;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.Pause;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings an adapter home: complete, verified against the far side's own digests before and after, opened and checked, and
 * only then under its final name. Running it again goes on where it was cut off, or finds that nothing is to be done.
 * Safe for several adapters at once.
 */
public final class AdapterPull {
    private static final Logger LOG = LoggerFactory.getLogger(AdapterPull.class);
    private static final int ATTEMPTS = 2;

    private final Terms terms;
    private final Pause pause;

    /**
     * What a pull insists on.
     *
     * @param look        how to look for the adapter
     * @param filesAtOnce files under way at the same time
     * @param accepted    states of the training in which its adapter is taken
     */
    public record Terms(RemoteAdapter.Look look, int filesAtOnce, Set<TrainingState.Kind> accepted) {
        /** Copies the states. */
        public Terms {
            accepted = Set.copyOf(accepted);
        }

        /** Finished trainings only. */
        public static Terms finished(RemoteAdapter.Look look, int filesAtOnce) {
            return new Terms(look, filesAtOnce, Set.of(TrainingState.Kind.FINISHED));
        }

        /** The same, and trainings of which nobody can say how they ended: what a person put into a folder. */
        public Terms orUnknown() {
            return new Terms(look, filesAtOnce, Set.of(TrainingState.Kind.FINISHED, TrainingState.Kind.UNKNOWN));
        }

        /** The same for machines; a folder or a bucket was filled by a person, who needs no sign of how the training ended. */
        public Terms suited(SourceSpec spec) {
            return (spec instanceof SourceSpec.Folder || spec instanceof SourceSpec.S3) && !accepted.contains(TrainingState.Kind.UNKNOWN) ? orUnknown() : this;
        }

        /** The same, in whatever state a training is: the person who asks has looked. */
        public Terms orUnfinished() {
            return new Terms(look, filesAtOnce, Set.of(TrainingState.Kind.values()));
        }
    }

    /**
     * An adapter as it was seen on the far side.
     *
     * @param adapter   where it is and how far its training has come
     * @param checksums digests on the far side by plain file name; empty unless the training has finished
     * @param identity  identity of its content, when the far side's digests tell it
     */
    public record Sighting(RemoteAdapter adapter, Map<String, Checksum> checksums, Optional<String> identity) { }

    /** @param terms what to insist on */
    public AdapterPull(Terms terms) {
        this(terms, Pause.SLEEP);
    }

    AdapterPull(Terms terms, Pause pause) {
        this.terms = terms;
        this.pause = pause;
    }

    /**
     * Looks without pulling: whether there is an adapter, whether it is finished, and which one it is. A schedule starts a
     * run only for an identity that it has not carried yet.
     *
     * @param tree where to look
     * @throws FerryException when there is none, or what is there can never be pulled
     */
    public Sighting look(FileTree tree) {
        RemoteAdapter adapter = RemoteAdapter.find(tree, terms.look(), pause);
        if (adapter.files().isEmpty() || !terms.accepted().contains(adapter.state().kind())) {
            return new Sighting(adapter, Map.of(), Optional.empty());
        }
        Map<String, Checksum> checksums = checksums(tree, adapter.files());
        return new Sighting(adapter, checksums, identity(adapter.files().keySet(), checksums));
    }

    /**
     * Reads the configuration of the adapter that a pull would bring, before any byte of its weights.
     *
     * @param tree where to look
     * @return it, and who reads the headers of the weights; empty while there is nothing to pull
     * @throws FerryException when there is none, or what is there can never be pulled
     */
    public Optional<AdapterSketch> sketch(FileTree tree) {
        RemoteAdapter adapter = new OutputFolder(tree, tree.list(), terms.look()).adapter();
        return Optional.ofNullable(adapter.files().get(AdapterFiles.CONFIG)).map(config -> AdapterSketch.read(tree, config, adapter.files().values()));
    }

    /**
     * Pulls an adapter into a folder.
     *
     * @param tree  where it is
     * @param into  the folder to make; one that an earlier pull made is replaced as a whole
     * @param transfer limit, listener and stop request
     * @return what lies there now
     * @throws TrainingNotFinished                        when the training's state is not among the accepted
     * @throws dev.adapterferry.failure.TransientFailure when the wire failed, or the files kept changing; what came is kept
     * @throws FerryException                              when repeating will not help
     */
    public PulledAdapter pull(FileTree tree, Path into, TransferTerms transfer) {
        try (AdapterFolder folder = AdapterFolder.open(into)) {
            for (int attempt = 1; ; attempt++) {
                try {
                    return pull(tree, folder, transfer);
                } catch (FileChanged e) {
                    if (attempt == ATTEMPTS) {
                        throw e;
                    }
                    LOG.info("{} Looking again.", e.getMessage());
                }
            }
        }
    }

    private PulledAdapter pull(FileTree tree, AdapterFolder folder, TransferTerms transfer) {
        Instant began = Instant.now();
        Sighting sighting = look(tree);
        RemoteAdapter adapter = sighting.adapter();
        if (adapter.files().isEmpty() || !terms.accepted().contains(adapter.state().kind())) {
            throw new TrainingNotFinished(adapter.place(), adapter.state());
        }
        Optional<PulledAdapter> here = folder.verified(adapter.files(), sighting.checksums(), transfer.cancellation());
        if (here.isPresent()) {
            LOG.info("{} is here already and verified; nothing to be done", adapter.place());
            return here.get();
        }
        Map<String, FileEntry> wanted = pinned(adapter.files(), sighting.checksums());
        FilePulls pulls = new FilePulls(tree, folder, transfer, terms.filesAtOnce());
        List<PulledAdapter.File> files = pulls.run(wanted, sighting.checksums());
        if (tree.isLive()) {
            requireUnchanged(tree, sighting);
        }
        Map<String, String> sha256 = new LinkedHashMap<>();
        files.forEach(f -> sha256.put(f.name(), f.sha256()));
        PulledAdapter pulled = new PulledAdapter(folder.path(), PullRecord.identity(sha256), adapter.place(), files, adapter.state(), tree.transfer().method(),
                pulls.transferred(), pulls.kept(), Duration.between(began, Instant.now()), false);
        folder.install(pulled, began);
        LOG.info("Pulled {}: {} files, {} bytes ({} transferred) in {} ms by {}", pulled.place(), files.size(), pulled.bytes(), pulled.transferred(),
                pulled.time().toMillis(), pulled.method());
        return pulled;
    }

    /** Looks at everything again after the last byte has come: digests where there are any, and the versions of the listing. */
    private static void requireUnchanged(FileTree tree, Sighting before) {
        Map<String, FileEntry> files = before.adapter().files();
        Map<String, Checksum> after = checksums(tree, files);
        Map<String, String> versions = new HashMap<>();
        tree.list().forEach(file -> versions.put(file.name(), file.version()));
        files.forEach((name, file) -> {
            if (!Objects.equals(after.get(name), before.checksums().get(name)) || !file.version().equals(versions.get(file.name()))) {
                throw new FileChanged(file.name() + " in " + tree.place() + " changed while it was being pulled; something is still writing it.");
            }
        });
    }

    private static Map<String, Checksum> checksums(FileTree tree, Map<String, FileEntry> files) {
        Map<String, Checksum> byPath = tree.checksums(List.copyOf(files.values()));
        Map<String, Checksum> byName = new LinkedHashMap<>();
        files.forEach((name, file) -> {
            if (byPath.containsKey(file.name())) {
                byName.put(name, byPath.get(file.name()));
            }
        });
        return byName;
    }

    private static Optional<String> identity(Set<String> names, Map<String, Checksum> checksums) {
        Map<String, String> sha256 = new LinkedHashMap<>();
        for (String name : names) {
            Checksum checksum = checksums.get(name);
            if (checksum == null || checksum.kind() != Checksum.Kind.SHA256) {
                return Optional.empty();
            }
            sha256.put(name, checksum.hex());
        }
        return Optional.of(PullRecord.identity(sha256));
    }

    /** The entries with the digests just computed as their versions: what an earlier attempt left counts only for the same content. */
    private static Map<String, FileEntry> pinned(Map<String, FileEntry> files, Map<String, Checksum> checksums) {
        Map<String, FileEntry> pinned = new LinkedHashMap<>();
        List<String> names = new ArrayList<>(files.keySet());
        // The largest first: it decides how long all take.
        names.sort(java.util.Comparator.comparingLong((String n) -> files.get(n).size()).reversed());
        for (String name : names) {
            FileEntry file = files.get(name);
            Checksum checksum = checksums.get(name);
            pinned.put(name, checksum == null ? file : FileEntry.of(file.name(), file.size(), file.modified(), checksum));
        }
        return pinned;
    }
}
