package dev.adapterferry.deploy;

import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Folders;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder that is to take the place of a model's folder. It is filled beside it, as {@code <publisher>/.<model>.ferry/next}: hidden,
 * on the same file system, and one level too deep for LM Studio, which lists exactly two. Then both change places at one instant, so
 * that nobody ever finds files of two releases together, however many files there are.
 *
 * <p>What others keep in the model's folder comes along by hard links, and what they add at the last moment is moved after it.
 */
final class StagedFolder {
    private static final Logger LOG = LoggerFactory.getLogger(StagedFolder.class);
    /** The mark of a folder on a system without inode numbers. */
    private static final long UNKNOWN = -1;

    private final Path place;
    private final Path shelter;
    private final Path path;

    /** @param place the model's folder; need not exist */
    StagedFolder(Path place) {
        this.place = place;
        this.shelter = place.resolveSibling("." + place.getFileName() + ".ferry");
        this.path = shelter.resolve("next");
    }

    /** Where the files wait. */
    Path path() {
        return path;
    }

    /** Whether the model's folder can be replaced as a whole: it is missing, or a true folder where folders can be exchanged. */
    boolean isPossible() throws IOException {
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            return true;
        }
        // Whoever made it a link to another disk wants it to stay one.
        return Files.isDirectory(place, LinkOption.NOFOLLOW_LINKS) && canExchange();
    }

    private boolean canExchange() throws IOException {
        try {
            Path probe = Files.createDirectories(shelter.resolve("probe"));
            Exchange.swap(probe, Files.createDirectories(shelter.resolve("other")));
            return true;
        } catch (IOException e) {
            LOG.info("{} cannot be replaced as a whole ({}), so its files are replaced one after another", place, Durable.reason(e));
            return false;
        } finally {
            discard();
        }
    }

    /** Makes it anew, with the permissions of the model's folder. */
    void make() throws IOException {
        discard();
        Files.createDirectories(path);
        if (Files.isDirectory(place) && Files.getFileStore(place).supportsFileAttributeView("unix")) {
            Files.setAttribute(path, "unix:mode", Files.getAttribute(place, "unix:mode"));
        }
    }

    /** Tells this folder from every other, wherever it is: its inode number. */
    long mark() throws IOException {
        return inode(path);
    }

    /** Whether the folder with this mark still waits. */
    boolean isWaiting(long mark) throws IOException {
        return Files.isDirectory(path) && inode(path) == mark;
    }

    /** Whether the folder with this mark has taken the place. */
    boolean isInPlace(long mark) throws IOException {
        return Files.isDirectory(place, LinkOption.NOFOLLOW_LINKS) && inode(place) == mark && !isWaiting(mark);
    }

    private static long inode(Path folder) throws IOException {
        return Files.getFileStore(folder).supportsFileAttributeView("unix") ? ((Number) Files.getAttribute(folder, "unix:ino")).longValue() : UNKNOWN;
    }

    /**
     * Links in what others keep in the model's folder.
     *
     * @param ours names that belong to releases and stay behind
     * @return whether there was anything
     * @throws IOException when something cannot be linked: it belongs to another user, or the file system has no hard links
     */
    boolean adopt(Predicate<String> ours) throws IOException {
        boolean[] any = {false};
        walk(place, ours, (file, relative) -> {
            any[0] = true;
            Path link = path.resolve(relative);
            Files.createDirectories(link.getParent());
            if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
                return;
            }
            if (Files.isSymbolicLink(file)) {
                Files.createSymbolicLink(link, Files.readSymbolicLink(file));
            } else {
                Files.createLink(link, file);
            }
        });
        return any[0];
    }

    /** Takes the place at one instant; what was there waits here from now on. */
    void takePlace() throws IOException {
        Durable.forceDirectory(path);
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            Exchange.swap(path, place);
        } else {
            Files.move(path, place, StandardCopyOption.ATOMIC_MOVE);
        }
        settle();
    }

    /**
     * Leaves in the place, a folder, only what others keep there, or no folder at all when they keep nothing; at one instant.
     *
     * @param ours names that belong to releases
     * @return false when that is not possible here; nothing has changed then
     */
    boolean leave(Predicate<String> ours) throws IOException {
        boolean possible = isPossible();
        try {
            make();
            if (!adopt(ours)) {
                Folders.delete(path);
                Files.move(place, path, StandardCopyOption.ATOMIC_MOVE);
                settle();
            } else if (possible) {
                takePlace();
            } else {
                discard();
                return false;
            }
            return true;
        } catch (IOException e) {
            LOG.info("{} cannot be emptied as a whole ({}), so its files are removed one after another", place, Durable.reason(e));
            discard();
            return false;
        }
    }

    private void settle() throws IOException {
        Durable.forceDirectory(shelter);
        Durable.forceDirectory(place.getParent());
    }

    /**
     * Removes what was in the place before. What others put there after {@link #adopt} is moved to its place.
     *
     * @param ours names that belonged to a release
     */
    void retire(Predicate<String> ours) throws IOException {
        walk(path, ours, (file, relative) -> {
            Path now = place.resolve(relative);
            if (!Files.exists(now, LinkOption.NOFOLLOW_LINKS) || isNewer(file, now)) {
                Files.createDirectories(now.getParent());
                Files.move(file, now, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
        });
        discard();
    }

    private static boolean isNewer(Path file, Path than) throws IOException {
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.isRegularFile(than, LinkOption.NOFOLLOW_LINKS) && Files.getLastModifiedTime(file).compareTo(Files.getLastModifiedTime(than)) > 0;
    }

    /** Removes it with all that it holds. */
    void discard() throws IOException {
        Folders.delete(shelter);
    }

    private interface Visit {
        void file(Path file, Path relative) throws IOException;
    }

    /** Visits the files that are not ours; empty folders are nobody's loss. */
    private static void walk(Path root, Predicate<String> ours, Visit visit) throws IOException {
        if (!Files.isDirectory(root)) {
            return;
        }
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Path relative = root.relativize(file);
                if (relative.getNameCount() > 1 || !ours.test(relative.toString())) {
                    visit.file(file, relative);
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
