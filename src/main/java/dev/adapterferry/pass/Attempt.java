package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Kernels;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run of a request: what is open, and where it began. */
final class Attempt {
    private static final Logger LOG = LoggerFactory.getLogger(Attempt.class);
    /** Room for threads to run ahead of the slowest block. */
    private static final int SLOTS_PER_THREAD = 3;
    /** So many weights take longer than the compiler takes for the kernels. */
    private static final long LONG_WORK = 1 << 26;

    private final PassSettings settings;
    private final int blocksPerCheckpoint;
    private final Workload load;
    private final String key;
    private final Optional<Path> journalFile;
    private final LongAdder bytesRead = new LongAdder();
    private final LongAdder bytesWritten = new LongAdder();
    private final AtomicBoolean hasCheckpoint = new AtomicBoolean();
    private final List<Target> targets = new ArrayList<>();
    private Checkpoints checkpoints;
    private Hashes hashes;
    private Optional<Journal> journal = Optional.empty();
    private Optional<CacheUse> cache = Optional.empty();
    private long first;
    private long cpuNanos;

    /**
     * @param blocksPerCheckpoint how often the journal may be written
     * @param toolVersion         a journal of another version is not continued
     */
    Attempt(PassSettings settings, Workload load, int blocksPerCheckpoint, String toolVersion) {
        this.settings = settings;
        this.load = load;
        this.blocksPerCheckpoint = blocksPerCheckpoint;
        this.key = load.key(toolVersion);
        this.journalFile = settings.journalFolder().map(folder -> folder.resolve(load.request().outputs().getFirst().file().getFileName() + ".journal"));
    }

    /** Opens the outputs: where an earlier pass left them if the journal says so, else anew. */
    void open(Cancellation cancellation) throws IOException {
        Optional<Checkpoints.Checkpoint> point = journalFile.flatMap(file -> Journal.last(file, key)).filter(this::fits);
        hasCheckpoint.set(point.isPresent());
        if (point.isPresent() && !reopen(point.get(), cancellation)) {
            LOG.warn("What an earlier pass left of {} is damaged or gone; it starts over.", load.request().name());
            point = Optional.empty();
        }
        if (point.isEmpty()) {
            forget();
            for (PassOutput output : load.request().outputs()) {
                targets.add(Target.start(output));
            }
        }
        first = point.map(Checkpoints.Checkpoint::blocks).orElse(0L);
        hasCheckpoint.set(point.isPresent());
        requireRoom();
        Optional<Checkpoints.Checkpoint> from = point;
        journal = journalFile.map(file -> Journal.start(file, key, from));
    }

    private boolean fits(Checkpoints.Checkpoint point) {
        return point.blocks() <= load.blocks().size() && point.hashes().size() == load.strands();
    }

    private boolean reopen(Checkpoints.Checkpoint point, Cancellation cancellation) throws IOException {
        forget();
        boolean complete = point.blocks() == load.blocks().size();
        for (PassOutput output : load.request().outputs()) {
            Optional<Target> target = Target.goOn(output, complete);
            if (target.isEmpty()) {
                return false;
            }
            targets.add(target.get());
        }
        return hashes.replay(targets, point, settings.threads(), cancellation);
    }

    private void forget() {
        targets.forEach(Target::close);
        targets.clear();
        checkpoints = new Checkpoints(load.strands(), journalFile.isPresent() ? blocksPerCheckpoint : 0, load.blocks().size());
        hashes = new Hashes(load, checkpoints);
    }

    private void requireRoom() throws IOException {
        Map<FileStore, Long> needed = new HashMap<>();
        Map<FileStore, Path> folders = new HashMap<>();
        for (int f = 0; f < targets.size(); f++) {
            Path folder = load.request().outputs().get(f).file().toAbsolutePath().getParent();
            FileStore store = Files.getFileStore(folder);
            needed.merge(store, targets.get(f).plan().size() - (first == 0 ? 0 : load.bytesBefore(first, f)), Long::sum);
            folders.putIfAbsent(store, folder);
        }
        for (Map.Entry<FileStore, Long> entry : needed.entrySet()) {
            if (entry.getKey().getUsableSpace() < entry.getValue()) {
                throw WriteFailure.noRoom(folders.get(entry.getKey()), entry.getValue(), entry.getKey().getUsableSpace());
            }
        }
    }

    /** Does all the blocks that are left. */
    void work(WatchedFiles watched, Progress progress, Cancellation cancellation) {
        cache = settings.cache().map(c -> new CacheUse(c, load.request().source(), load.work(), load.blocks(), load.blockWeights()));
        List<Chain> chains = new ArrayList<>(hashes.chains());
        List<Chain> keepers = cache.map(CacheUse::chains).orElse(List.of());
        chains.addAll(keepers);
        BlockWindow window = new BlockWindow(SLOTS_PER_THREAD * settings.threads(), first, load.blocks().size(), chains);
        PassProgress told = new PassProgress(progress, activity(), load.outputBytes(), load.bytesBefore(first), load.work().size(), hashes::tensorsDone);
        Crew crew = new Crew("quantize " + load.request().name(), window::stop);
        Crew scribe = new Crew("quantize " + load.request().name(), window::stop);
        journal.ifPresent(j -> scribe.start("journal", () -> record(j, watched)));
        AtomicBoolean encoded = new AtomicBoolean();
        if (load.weightsFrom(first) > LONG_WORK) {
            scribe.start("rehearse", () -> Kernels.rehearse(load.encodedTypes(), load.request().importance().isPresent(), encoded::get));
        }
        for (int t = 0; t < settings.threads(); t++) {
            crew.start("encode-" + t, () -> encode(window, told, cancellation));
        }
        crew.join();
        encoded.set(true);
        // A pass that is to stop does not wait for one more time for the disk.
        checkpoints.close(crew.hasFailed());
        scribe.join();
        cache.ifPresent(c -> c.close(keepers));
        crew.throwFailure();
        scribe.throwFailure();
        told.finish();
        cpuNanos = crew.cpuNanos();
    }

    private String activity() {
        return "quantizing " + load.request().name() + " to " + String.join(", ", load.request().outputs().stream().map(PassOutput::format).toList());
    }

    private void encode(BlockWindow window, PassProgress told, Cancellation cancellation) throws IOException {
        RowEncoder encoder = new RowEncoder(load.request().source(), load.work(), cache.<KeptTensors>map(c -> c).orElse(KeptTensors.NONE), bytesRead);
        for (Slot slot = window.claim(); slot != null; slot = window.claim()) {
            cancellation.check("quantize " + load.request().name());
            RowBlock block = load.blocks().get((int) slot.block());
            encoder.encode(block, slot);
            long written = write(block, slot);
            window.complete(slot);
            told.wrote(written);
        }
    }

    private long write(RowBlock block, Slot slot) {
        List<TensorWork.Strand> strands = load.work().get(block.tensor()).strands();
        long written = 0;
        for (int s = 0; s < strands.size(); s++) {
            for (int file : strands.get(s).files()) {
                try {
                    targets.get(file).write(block, slot.bytes(s), slot.length(s));
                } catch (IOException e) {
                    throw WriteFailure.writing(load.request().outputs().get(file), journalFile.isPresent(), e);
                }
                written += slot.length(s);
            }
        }
        bytesWritten.add(written);
        return written;
    }

    /** Forces the outputs and then vouches for them, as long as there are checkpoints. */
    private void record(Journal to, WatchedFiles watched) throws InterruptedException {
        for (Checkpoints.Checkpoint point = checkpoints.take(); point != null; point = checkpoints.take()) {
            watched.check();
            try {
                for (Target target : targets) {
                    target.force();
                }
                to.append(point);
            } catch (IOException e) {
                throw WriteFailure.writing(load.request().outputs().getFirst(), true, e);
            }
            hasCheckpoint.set(true);
        }
    }

    PassResult result(Duration wall) {
        List<PassResult.FileResult> files = new ArrayList<>();
        for (int f = 0; f < load.request().outputs().size(); f++) {
            PassOutput output = load.request().outputs().get(f);
            List<PassResult.TensorResult> tensors = new ArrayList<>();
            for (int t = 0; t < load.work().size(); t++) {
                tensors.add(new PassResult.TensorResult(load.work().get(t).info().name(), output.plan().tensors().get(t).type(), load.work().get(t).info().shape(), hashes.ofTensor(t, f)));
            }
            files.add(new PassResult.FileResult(output.file(), output.format(), output.plan().size(), List.copyOf(tensors)));
        }
        long fromCache = cache.map(CacheUse::bytesTaken).orElse(0L);
        return new PassResult(List.copyOf(files), bytesRead.sum() + fromCache, bytesWritten.sum(), first == 0 ? 0 : load.bytesBefore(first), fromCache, wall,
                Duration.ofNanos(cpuNanos));
    }

    /** Reads the outputs' headers back. */
    void verify() {
        targets.forEach(Target::verify);
    }

    /** Gives the outputs their names. */
    void publish() {
        targets.forEach(Target::publish);
    }

    /** The pass is over: there is nothing left to go on with. */
    void finish() {
        journal.ifPresent(Journal::delete);
    }

    /** Closes everything after a failure; keeps it for going on when that can help and there is something to keep. */
    void abandon(boolean mayHeal, Throwable failure) {
        boolean keep = mayHeal && hasCheckpoint.get();
        try {
            targets.forEach(keep ? Target::close : Target::discard);
            journal.ifPresent(keep ? Journal::close : Journal::delete);
        } catch (FerryException e) {
            failure.addSuppressed(e);
        }
    }
}
