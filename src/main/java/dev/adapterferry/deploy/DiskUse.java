package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Disk use of a model's kept releases.
 *
 * @param bytes    of all their files
 * @param occupied what they occupy: a file with several names counts once, one that is installed as well counts nothing
 */
public record DiskUse(long bytes, long occupied) {
    /** What the kept releases of a model cost beside the installed one. */
    public static DiskUse of(ReleaseStore store, String model) {
        Set<Object> counted = new HashSet<>();
        long bytes = 0;
        long occupied = 0;
        try {
            List<Release> releases = store.releases(model);
            for (Path installed : installedFiles(store, model, releases)) {
                counted.add(identity(installed));
            }
            for (Release release : releases) {
                for (Release.File file : release.files()) {
                    Path kept = store.directory(model, release.number()).resolve(file.name());
                    bytes += file.bytes();
                    occupied += counted.add(identity(kept)) ? file.bytes() : 0;
                }
            }
        } catch (IOException e) {
            throw new FerryException("Cannot measure the kept releases of " + model + ": " + Durable.reason(e) + ".", e);
        }
        return new DiskUse(bytes, occupied);
    }

    private static List<Path> installedFiles(ReleaseStore store, String model, List<Release> releases) {
        return store.active(model).stream().flatMap(active -> releases.stream().filter(release -> release.number() == active.number()).flatMap(release -> release.files().stream())
                .map(file -> Path.of(active.folder()).resolve(file.name()))).filter(Files::isRegularFile).toList();
    }

    /** Device and inode where the system has them; the path elsewhere. */
    private static Object identity(Path file) throws IOException {
        Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        return key == null ? file : key;
    }
}
