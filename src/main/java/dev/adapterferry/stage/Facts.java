package dev.adapterferry.stage;

import dev.adapterferry.files.Sha256;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.vast.CostGuard;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What each stage records. Small, and enough for the next stage to go on in another process. */
public final class Facts {
    private Facts() { }

    /**
     * A file that a stage made or verified.
     *
     * @param path   where it lies
     * @param bytes  its size
     * @param sha256 its digest
     */
    public record Item(Path path, long bytes, String sha256) {
        /** True when the file is there with this size and, if asked, this digest. */
        public boolean holds(boolean hashing) {
            try {
                return Files.isRegularFile(path) && Files.size(path) == bytes && (!hashing || Sha256.of(path).equals(sha256));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** A stage's record that names the files it stands for. */
    public interface Kept {
        /** Files without which the record is worth nothing. */
        List<Item> items();
    }

    /**
     * The adapter is here.
     *
     * @param adapter  its folder
     * @param identity hash over the hashes of the files that matter
     * @param source   where it came from, in words without secrets
     * @param items    its files
     * @param bytes    bytes transferred this time; 0 when all was here already
     * @param archive  the archive that is kept of it, or null
     * @param instance what became of the rented instance, or null when nothing was to
     */
    public record Downloaded(Path adapter, String identity, String source, List<Item> items, long bytes, Path archive, CostGuard.Outcome instance) implements Kept {
        /** What is to be recorded of an adapter that came home. */
        public static Downloaded of(AdapterHome.Arrival arrival) {
            PulledAdapter adapter = arrival.adapter();
            List<Item> items = adapter.files().stream().map(f -> new Item(adapter.folder().resolve(f.name()), f.size(), f.sha256())).toList();
            return new Downloaded(adapter.folder(), adapter.identity(), adapter.place(), items, adapter.upToDate() ? 0 : adapter.transferred(), arrival.archive().orElse(null),
                    arrival.instance().orElse(null));
        }
    }

    /**
     * Adapter and base fit.
     *
     * @param adapter         adapter folder
     * @param adapterIdentity the download's identity
     * @param base            folder of the base checkpoint
     * @param baseName        its name, {@code Qwen/Qwen2.5-7B-Instruct} where known
     * @param baseCommit      commit of the base, or null when it has none
     * @param baseIdentity    hash of the base: commit, or files' sizes and times
     * @param tensors         base tensors that the adapter changes
     * @param warnings        what the user should know about the merge
     * @param saved           folder of the written checkpoint, or null
     */
    public record Merged(Path adapter, String adapterIdentity, Path base, String baseName, String baseCommit, String baseIdentity, int tensors, List<String> warnings, Path saved) { }

    /**
     * One quantized file.
     *
     * @param format  its mix
     * @param item    the file
     */
    public record Gguf(String format, Item item) { }

    /**
     * The files of every format.
     *
     * @param files    one per format, in the order of the settings
     * @param weights  weights in the model
     * @param identity what they were made of and with
     * @param millis   time of the pass
     * @param bytesRead    bytes of the base that were read
     * @param bytesWritten bytes that were written
     * @param resumedBytes bytes that an earlier, killed pass had written
     * @param notes        what the user should know about the conversion, one sentence each
     */
    public record Quantized(List<Gguf> files, long weights, Map<String, String> identity, long millis, long bytesRead, long bytesWritten, long resumedBytes, List<String> notes) implements Kept {
        /** Records of older versions have no notes. */
        public Quantized {
            notes = notes == null ? List.of() : List.copyOf(notes);
        }

        /** Files of a conversion of which there is nothing to tell. */
        public Quantized(List<Gguf> files, long weights, Map<String, String> identity, long millis, long bytesRead, long bytesWritten, long resumedBytes) {
            this(files, weights, identity, millis, bytesRead, bytesWritten, resumedBytes, List.of());
        }

        @Override
        public List<Item> items() {
            return files.stream().map(Gguf::item).toList();
        }
    }

    /**
     * The installed release.
     *
     * @param release  its number
     * @param folder   folder in the models directory
     * @param files    installed files, one per format
     * @param primary  the format that is loaded, probed and scored
     * @param previous number of the release before it, or null
     * @param modelId  id under which LM Studio loaded it, or null when none was asked
     * @param clients  folder with programs that ask the model, or null
     */
    public record Deployed(int release, Path folder, List<Gguf> files, String primary, Integer previous, String modelId, Path clients) implements Kept {
        /** A release that no LM Studio loaded, without client programs. */
        public Deployed(int release, Path folder, List<Gguf> files, String primary, Integer previous) {
            this(release, folder, files, primary, previous, null, null);
        }

        @Override
        public List<Item> items() {
            return files.stream().map(Gguf::item).toList();
        }

        /** The file that is loaded. */
        public Gguf primaryFile() {
            return files.stream().filter(f -> f.format().equals(primary)).findFirst().orElse(files.getFirst());
        }
    }

    /**
     * The health of the release.
     *
     * @param status   healthy, degraded or unhealthy
     * @param findings what was wrong, in words
     * @param endpoint server that was asked; null where no server answers with such a model
     * @param modelId  id that was asked for; null likewise
     * @param answer   the first answer, shortened
     * @param report   the whole report
     */
    public record Checked(String status, List<String> findings, URI endpoint, String modelId, String answer, Path report) { }

    /**
     * The score of the release.
     *
     * @param score    0 to 1, null when nothing was asked
     * @param prompts  prompts asked
     * @param errors   prompts without an answer
     * @param tokensPerSecond median rate, null when unknown
     * @param compared how it stands to the release before it and to the base, in words; null when it was not compared
     * @param report   the whole report
     * @param inUse    number of the release that the evaluation left in use; null when it had no choice
     * @param choice   what it chose and why, in words; null when it had no choice
     */
    public record Evaluated(Double score, int prompts, int errors, Double tokensPerSecond, String compared, Path report, Integer inUse, String choice) {
        /** A score that was held against nothing. */
        public Evaluated(Double score, int prompts, int errors, Double tokensPerSecond, Path report) {
            this(score, prompts, errors, tokensPerSecond, null, report, null, null);
        }
    }
}
