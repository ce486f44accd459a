package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.RangedTransfer;
import dev.adapterferry.transfer.StreamLane;
import dev.adapterferry.transfer.Transfer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A folder on this machine, or on a share that is mounted here. */
public final class LocalTree implements FileTree {
    private final Path root;

    /**
     * @param folder the folder, or a file in it
     * @throws FerryException when there is neither
     */
    public LocalTree(Path folder) {
        try {
            Path start = Files.isRegularFile(folder) ? folder.toAbsolutePath().getParent() : folder;
            if (!Files.isDirectory(start)) {
                throw new FerryException("There is no folder " + folder + " to take an adapter from.");
            }
            root = start.toRealPath();
        } catch (IOException e) {
            throw new FerryException("Cannot open the folder " + folder + ": " + Durable.reason(e) + ".", e);
        }
    }

    @Override
    public String place() {
        return root.toString();
    }

    @Override
    public List<FileEntry> list() {
        List<FileEntry> files = new ArrayList<>();
        try (Stream<Path> near = Files.walk(root, 2)) {
            for (Path file : (Iterable<Path>) near.flatMap(path -> withParts(path, root)).filter(Files::isRegularFile)::iterator) {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                String name = root.relativize(file).toString().replace('\\', '/');
                FileEntry entry = FileEntry.of(name, attributes.size(), attributes.lastModifiedTime().to(java.util.concurrent.TimeUnit.NANOSECONDS));
                Path real = file.toRealPath();
                files.add(real.startsWith(root) ? entry : entry.refused("it is a link out of the folder, to " + real));
            }
        } catch (IOException | UncheckedIOException e) {
            throw new FerryException("Cannot list " + root + ": " + e.getMessage(), e);
        }
        return files;
    }

    /** A path, and what lies in it where it is such a folder at the end of the walk. */
    private static Stream<Path> withParts(Path path, Path root) {
        if (path.getNameCount() - root.getNameCount() < 2 || !FileTree.isPart(path.getFileName().toString()) || !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            return Stream.of(path);
        }
        try (Stream<Path> parts = Files.list(path)) {
            return parts.toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public byte[] read(FileEntry file, long offset, int length) {
        return StreamLane.read(file, opening(file), offset, length);
    }

    private StreamLane.Opening opening(FileEntry file) {
        return (offset, length) -> {
            FileChannel channel = FileChannel.open(root.resolve(file.name()));
            return Channels.newInputStream(channel.position(offset));
        };
    }

    @Override
    public Map<String, Checksum> checksums(List<FileEntry> files) {
        Map<String, Checksum> checksums = new LinkedHashMap<>();
        files.forEach(file -> checksums.put(file.name(), Checksum.of(root.resolve(file.name()), Checksum.Kind.SHA256, Cancellation.current())));
        return checksums;
    }

    @Override
    public boolean isLive() {
        return true;
    }

    @Override
    public Transfer transfer() {
        return new RangedTransfer("copy", file -> new StreamLane(file, opening(file)), new RangedTransfer.Shape(1, 64 << 20, 1, Duration.ZERO));
    }

    @Override
    public void close() {
        // holds nothing open
    }
}
