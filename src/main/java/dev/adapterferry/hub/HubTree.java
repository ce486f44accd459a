package dev.adapterferry.hub;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.Lane;
import dev.adapterferry.transfer.RangedTransfer;
import dev.adapterferry.transfer.SegmentQueue;
import dev.adapterferry.transfer.SequentialLane;
import dev.adapterferry.transfer.Transfer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** One commit of a repository as a tree of files: an adapter's, or a base's. Never changes while it is read. */
public final class HubTree implements FileTree {
    private static final long SEGMENT_BYTES = 32L << 20;
    private static final int ATTEMPTS = 5;
    private static final int READS = 3;

    private final HubApi api;
    private final HubVersion version;
    private final HubHttp http;
    private final Map<String, FileEntry> completed = new ConcurrentHashMap<>();

    /**
     * @param api     asks the hub
     * @param version a commit that it has told of
     */
    public HubTree(HubApi api, HubVersion version) {
        this.api = api;
        this.version = version;
        this.http = new HubHttp(api);
    }

    /**
     * Opens a repository.
     *
     * @param api        asks the hub
     * @param repository {@code org/name}
     * @param revision   branch, tag or commit
     */
    public static HubTree open(HubApi api, String repository, String revision) {
        if (api.terms().offline()) {
            throw new FerryException("Cannot get " + repository + ": the hub must not be asked (hub.offline). Allow it, or name a folder.");
        }
        return new HubTree(api, api.version(repository, revision));
    }

    /** The commit. */
    public HubVersion version() {
        return version;
    }

    @Override
    public String place() {
        return version.repository() + "@" + version.commit().substring(0, 12) + " on " + api.terms().endpoint().getHost();
    }

    @Override
    public List<FileEntry> list() {
        return version.files().stream().filter(f -> FileTree.lists(f.name())).map(this::complete).toList();
    }

    /** The entry with size and digest; asked for only where the listing left them out. */
    private FileEntry complete(FileEntry file) {
        return completed.computeIfAbsent(file.name(), name -> api.complete(version, file));
    }

    @Override
    public byte[] read(FileEntry file, long offset, int length) {
        int wanted = (int) Math.clamp(file.size() - offset, 0, length);
        if (wanted == 0) {
            return new byte[0];
        }
        for (int attempt = 1; ; attempt++) {
            try {
                byte[] bytes = Cancellation.current().interrupting("reading " + file.name() + " of " + place(), () -> readOnce(file, offset, wanted));
                // A whole small file decides what else is fetched, so it is held to its digest like any other.
                if (wanted < file.size() || file.checksum().isEmpty() || Checksum.of(bytes, file.checksum().get().kind()).equals(file.checksum().get())) {
                    return bytes;
                }
                throw new IOException("it arrived damaged");
            } catch (IOException e) {
                if (attempt == READS || Thread.currentThread().isInterrupted()) {
                    throw new TransientFailure("Cannot read " + file.name() + " of " + place() + ": " + e.getMessage() + " (" + attempt + " attempts).", e);
                }
            }
        }
    }

    private byte[] readOnce(FileEntry file, long offset, int wanted) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(wanted);
        try (HubHttp.Piece piece = http.open(version, file, offset, offset + wanted)) {
            long skip = offset - piece.from();
            for (ByteBuffer next = piece.body().next(); next != null && bytes.hasRemaining(); next = piece.body().next()) {
                int over = (int) Math.min(skip, next.remaining());
                skip -= over;
                bytes.put(next.slice(next.position() + over, Math.min(next.remaining() - over, bytes.remaining())));
            }
        }
        if (bytes.hasRemaining()) {
            throw new IOException("only " + bytes.position() + " of " + wanted + " bytes came");
        }
        return bytes.array();
    }

    @Override
    public Map<String, Checksum> checksums(List<FileEntry> files) {
        Map<String, Checksum> stated = new LinkedHashMap<>();
        files.forEach(file -> file.checksum().ifPresent(checksum -> stated.put(file.name(), checksum)));
        return stated;
    }

    @Override
    public boolean isLive() {
        return false;
    }

    @Override
    public Transfer transfer() {
        return new RangedTransfer("https", HubLane::new, new RangedTransfer.Shape(api.terms().channels(), SEGMENT_BYTES, ATTEMPTS, Duration.ofSeconds(1)));
    }

    /** A file by its path, with size and digest. */
    Optional<FileEntry> find(String path) {
        return version.find(path).map(this::complete);
    }

    @Override
    public void close() {
        http.close();
    }

    /** Range requests, one after the other. */
    private final class HubLane implements Lane {
        private final FileEntry file;

        HubLane(FileEntry file) {
            this.file = file;
        }

        @Override
        public void carry(SegmentQueue queue) throws IOException {
            SegmentQueue.Segment segment = queue.next();
            while (segment != null) {
                try (HubHttp.Piece piece = http.open(version, file, segment.position(), segment.offset() + segment.length())) {
                    segment = SequentialLane.fill(piece.body()::next, piece.from(), segment, queue, piece.until());
                }
            }
        }

        @Override
        public void close() {
            // each piece closes its own answer
        }
    }
}
