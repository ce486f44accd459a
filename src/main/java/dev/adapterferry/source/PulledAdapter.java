package dev.adapterferry.source;

import dev.adapterferry.source.vast.Homecoming;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * An adapter that lies here complete and verified.
 *
 * @param folder      the folder that holds it, and its record {@link PullRecord#NAME}
 * @param identity    names its content: the same weights, configuration and tokenizer give the same identity
 * @param place       where it came from
 * @param files       what was pulled
 * @param state       what its training looked like
 * @param method      how the bytes came: {@code sftp}, {@code rsync}, {@code scp}, {@code copy}, ...
 * @param transferred bytes that came over the wire
 * @param kept        bytes that earlier attempts had left
 * @param time        how long it took
 * @param upToDate    true when it was here already and nothing was transferred
 */
public record PulledAdapter(Path folder, String identity, String place, List<File> files, TrainingState state, String method,
                            long transferred, long kept, Duration time, boolean upToDate) {
    /** Copies the files. */
    public PulledAdapter {
        files = List.copyOf(files);
    }

    /**
     * One file of it.
     *
     * @param name     name here: plain, but for further chat templates, which lie in a folder of their own
     * @param from     name below the place that it came from
     * @param size     bytes
     * @param sha256   digest of the content, the same on both sides
     * @param modified last change there, nanoseconds since 1970, 0 when unknown
     * @param version  text that changes when the content there may have changed (an ETag, a commit's blob, size and time)
     * @param verified whether the far side's own digest was compared; some places state none
     */
    public record File(String name, String from, long size, String sha256, long modified, String version, boolean verified) { }

    /**
     * What the cost guard has to know: opens the weights that lie here once more.
     *
     * @param instance the rented instance that this came from
     */
    public Homecoming homecoming(long instance) {
        boolean over = state.kind() == TrainingState.Kind.FINISHED || state.kind() == TrainingState.Kind.STOPPED_EARLY;
        return new Homecoming(instance, files.size(), (int) files.stream().filter(File::verified).count(), AdapterFolder.opens(folder, files), over);
    }

    /** Size of all files in bytes. */
    public long bytes() {
        return files.stream().mapToLong(File::size).sum();
    }
}
