package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.RangedTransfer;
import dev.adapterferry.transfer.StreamLane;
import dev.adapterferry.transfer.Transfer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The objects below one prefix of a bucket, as a tree of files. */
public final class ObjectTree implements FileTree {
    private static final long SEGMENT_BYTES = 16L << 20;

    private final ObjectStore store;
    private final SourceSpec.S3 spec;
    private final String prefix;
    private final RangedTransfer.Shape shape;

    /**
     * @param store    the bucket; closed with this
     * @param spec     bucket and prefix
     * @param channels requests at once per file
     */
    public ObjectTree(ObjectStore store, SourceSpec.S3 spec, int channels) {
        this.store = store;
        this.spec = spec;
        this.prefix = spec.prefix().isEmpty() ? "" : spec.prefix() + "/";
        this.shape = new RangedTransfer.Shape(channels, SEGMENT_BYTES, 5, Duration.ofSeconds(1));
    }

    @Override
    public String place() {
        return "s3://" + spec.bucket() + "/" + spec.prefix();
    }

    @Override
    public List<FileEntry> list() {
        List<FileEntry> files = new ArrayList<>();
        List<ObjectStore.Item> items = store.list(prefix);
        if (items.size() > ObjectStore.MAX_KEYS) {
            throw new FerryException("Refusing to look through " + place() + ": it holds more than " + ObjectStore.MAX_KEYS + " objects. Name the prefix of the adapter itself.");
        }
        for (ObjectStore.Item item : items) {
            String name = item.key().startsWith(prefix) ? item.key().substring(prefix.length()) : "";
            if (name.isEmpty() || name.endsWith("/") || !FileTree.lists(name)) {
                continue; // the prefix itself, the marker of a folder, or something deeper
            }
            if (name.startsWith("/") || name.chars().anyMatch(Character::isISOControl) || Arrays.stream(name.split("/", -1)).anyMatch(p -> p.isEmpty() || p.equals(".") || p.equals(".."))) {
                throw new FerryException("Refusing the listing of " + place() + ": the key '" + name.replaceAll("\\p{Cntrl}", "?") + "' is not one that a training writes.");
            }
            long modified = item.modified().getEpochSecond() * 1_000_000_000L + item.modified().getNano();
            files.add(new FileEntry(name, item.size(), modified, Optional.empty(), item.etag(), ""));
        }
        if (files.isEmpty()) {
            throw new FerryException("There is nothing at " + place() + ". Check bucket and prefix.");
        }
        return files;
    }

    @Override
    public byte[] read(FileEntry file, long offset, int length) {
        int wanted = (int) Math.clamp(file.size() - offset, 0, length);
        return wanted == 0 ? new byte[0] : StreamLane.read(file, (from, count) -> store.open(prefix + file.name(), from, count), offset, wanted);
    }

    @Override
    public Map<String, Checksum> checksums(List<FileEntry> files) {
        Map<String, Checksum> stated = new LinkedHashMap<>();
        files.forEach(file -> store.checksum(prefix + file.name()).ifPresent(checksum -> stated.put(file.name(), checksum)));
        return stated;
    }

    @Override
    public boolean isLive() {
        return true;
    }

    @Override
    public Transfer transfer() {
        return new RangedTransfer("s3", file -> new StreamLane(file, (offset, length) -> store.open(prefix + file.name(), offset, length)), shape);
    }

    @Override
    public void close() {
        store.close();
    }
}
