package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import dev.adapterferry.transfer.Transfer;
import java.io.Closeable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A folder on the far side of an SSH connection, looked at through a shell. */
public final class SshTree implements FileTree {
    private static final Duration SHORT = Duration.ofSeconds(60);
    private static final long SLOWEST_HASH = 8L << 20;

    private final RemoteShell shell;
    private final String machine;
    private final String path;
    private final Function<String, Transfer> transfers;
    private final Closeable connection;
    private volatile String root;
    private Transfer transfer;

    /**
     * @param shell      runs commands there
     * @param machine    what messages call the machine
     * @param path       the folder, or a file in it
     * @param transfers  makes the transfer for the folder's real path
     * @param connection closed with this tree
     */
    public SshTree(RemoteShell shell, String machine, String path, Function<String, Transfer> transfers, Closeable connection) {
        this.shell = new FramedShell(shell, machine);
        this.machine = machine;
        this.path = path.length() > 1 ? path.replaceAll("/+$", "") : path;
        this.transfers = transfers;
        this.connection = connection;
    }

    @Override
    public String place() {
        return machine + ":" + path;
    }

    @Override
    public List<FileEntry> list() {
        RemoteShell.Result result = shell.run(FolderScript.list(path), SHORT);
        switch (result.exit()) {
            case 0 -> { }
            case FolderScript.MISSING -> throw new FerryException("There is no folder " + path + " on " + machine + ". Check the model's output path.");
            case FolderScript.CLOSED -> throw new FerryException("Cannot open " + path + " on " + machine + ": it is no folder, or this user may not read it.");
            case FolderScript.CROWDED -> throw new FerryException("Refusing to look through " + path + " on " + machine + ": it holds more than "
                    + FolderScript.MAX_FILES + " files. Name the folder of the training itself.");
            default -> throw new FerryException("Cannot list " + path + " on " + machine + ": the listing failed with status " + result.exit()
                    + (result.err().isBlank() ? "" : " (" + FramedShell.clip(result.err()) + ")") + ".");
        }
        Listing listing = Listing.read(result.out(), place());
        root = listing.root();
        return listing.files();
    }

    @Override
    public byte[] read(FileEntry file, long offset, int length) {
        RemoteShell.Result result = shell.run(FolderScript.read(absolute(file), offset, length), SHORT);
        try {
            byte[] bytes = Base64.getDecoder().decode(result.out().replaceAll("[\\r\\n]", ""));
            if (result.exit() == 0 && bytes.length <= length) {
                return bytes;
            }
        } catch (IllegalArgumentException e) {
            // told below, with what the far side said
        }
        throw new FerryException("Cannot read " + file.name() + " on " + machine + ": " + (result.err().isBlank() ? "the output makes no sense" : FramedShell.clip(result.err())) + ".");
    }

    @Override
    public Map<String, Checksum> checksums(List<FileEntry> files) {
        long bytes = files.stream().mapToLong(FileEntry::size).sum();
        Duration timeout = SHORT.plusSeconds(bytes / SLOWEST_HASH);
        RemoteShell.Result result = shell.run(FolderScript.sha256(files.stream().map(this::absolute).toList()), timeout);
        if (result.exit() == FolderScript.NO_SHA256) {
            throw new FerryException("Cannot verify the files in " + place() + ": there is no sha256sum, shasum or openssl on that machine. Install coreutils there.");
        }
        List<String> lines = result.out().lines().toList();
        if (result.exit() != 0 || lines.size() != files.size()) {
            throw new FerryException("Cannot compute checksums in " + place() + ": " + (result.err().isBlank() ? "status " + result.exit() : FramedShell.clip(result.err())) + ".");
        }
        Map<String, Checksum> checksums = new LinkedHashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String hex = lines.get(i).split("[ *]", 2)[0];
            if (!hex.matches("[0-9a-f]{64}")) {
                throw new FerryException("Cannot read the checksum of " + files.get(i).name() + " in " + place() + ": the machine printed '" + FramedShell.clip(lines.get(i)) + "'.");
            }
            checksums.put(files.get(i).name(), Checksum.sha256(hex));
        }
        return checksums;
    }

    @Override
    public boolean isLive() {
        return true;
    }

    @Override
    public boolean isBeingWritten(FileEntry file) {
        return shell.run(FolderScript.writer(absolute(file)), SHORT).out().strip().equals("writer");
    }

    @Override
    public synchronized Transfer transfer() {
        if (transfer == null) {
            transfer = transfers.apply(root());
        }
        return transfer;
    }

    private String absolute(FileEntry file) {
        return root() + "/" + file.name();
    }

    private String root() {
        if (root == null) {
            list();
        }
        return root;
    }

    @Override
    public void close() {
        try {
            if (transfer instanceof Closeable open) {
                open.close();
            }
            connection.close();
        } catch (java.io.IOException e) {
            throw new FerryException("Cannot close the connection to " + machine + ": " + e.getMessage(), e);
        }
    }

    /** What the listing script printed, believed only as far as it is harmless. */
    record Listing(String root, List<FileEntry> files) {
        static Listing read(String output, String place) {
            String[] words = output.split("\0", -1);
            if (words.length < 3 || !words[0].equals("r") || !clean(words[1]) || !words[1].startsWith("/")) {
                throw new FerryException("Cannot read the listing of " + place + ": it does not begin with the folder's real path.");
            }
            String root = words[1].equals("/") ? "" : words[1];
            List<FileEntry> files = new ArrayList<>();
            for (int i = 2; i + 1 < words.length; i += 2) {
                boolean link = words[i].startsWith("l ");
                if (!link && !words[i].startsWith("f ")) {
                    throw new FerryException("Cannot read the listing of " + place + ": it holds '" + FramedShell.clip(words[i]) + "' where a file should begin.");
                }
                FileEntry entry = entry(words[i].substring(2), words[i + 1], place);
                if (link) {
                    i++;
                    if (i + 1 >= words.length) {
                        throw new FerryException("Cannot read the listing of " + place + ": it was cut off.");
                    }
                    String target = words[i + 1];
                    if (entry != null && !target.startsWith(root + "/")) {
                        entry = entry.refused("it is a link out of the folder, to " + FramedShell.clip(target));
                    }
                }
                if (entry != null) {
                    files.add(entry);
                }
            }
            return new Listing(root, files);
        }

        /** An entry; null for a file that vanished between being named and being looked at. */
        private static FileEntry entry(String numbers, String name, String place) {
            if (!clean(name) || name.startsWith("/") || !FileTree.lists(name)
                    || java.util.Arrays.stream(name.split("/", -1)).anyMatch(p -> p.isEmpty() || p.equals(".") || p.equals(".."))) {
                throw new FerryException("Refusing the listing of " + place + ": the file name '" + FramedShell.clip(name) + "' is not one that a training writes.");
            }
            if (numbers.isBlank()) {
                return null;
            }
            String[] parts = numbers.strip().split("[ .,]");
            if (parts.length < 2 || parts.length > 3 || !parts[0].matches("\\d{1,18}") || !parts[1].matches("\\d{1,11}")) {
                throw new FerryException("Cannot read the listing of " + place + ": '" + FramedShell.clip(numbers) + "' is no size and time.");
            }
            String fraction = parts.length == 3 && parts[2].matches("\\d{1,12}") ? (parts[2] + "000000000").substring(0, 9) : "0";
            return FileEntry.of(name, Long.parseLong(parts[0]), Long.parseLong(parts[1]) * 1_000_000_000L + Long.parseLong(fraction));
        }

        private static boolean clean(String text) {
            return text.chars().noneMatch(c -> Character.isISOControl(c) || c == 0xFFFD);
        }
    }
}
