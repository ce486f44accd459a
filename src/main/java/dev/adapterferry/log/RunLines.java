package dev.adapterferry.log;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.stream.Stream;

/**
 * The structured lines of one run, read from the daily files as they are written: each call goes on behind what was read before. For
 * one thread.
 */
public final class RunLines {
    private static final int CHUNK = 1 << 20;

    private final Path logs;
    private final Instant began;
    private final String mark;
    private final String stage;
    private final Map<Path, Long> read = new HashMap<>();

    /**
     * @param logs  folder of the daily files
     * @param began when the run was made; older files are not looked at
     * @param run   the run's id
     * @param stage only lines of this stage, or null for all
     */
    public RunLines(Path logs, Instant began, String run, String stage) {
        this.logs = logs;
        this.began = began;
        // Quotes inside a value are escaped, so this stands nowhere but where the member is.
        this.mark = "\"run\":\"" + run + "\"";
        this.stage = stage == null ? "" : "\"stage\":\"" + stage + "\"";
    }

    /** Whole lines that were written since the last call, oldest first, each one JSON object. */
    public List<String> next() {
        List<String> lines = new ArrayList<>();
        if (!Files.isDirectory(logs)) {
            return lines;
        }
        try (Stream<Path> files = Files.list(logs)) {
            for (Path file : files.filter(this::isRecent).sorted().toList()) {
                read.put(file, read(file, read.getOrDefault(file, 0L), lines));
            }
        } catch (IOException e) {
            throw new FerryException("Cannot read the logs in " + logs + ": " + Durable.reason(e) + ".", e);
        }
        return lines;
    }

    private boolean isRecent(Path file) {
        Matcher daily = LogFiles.DAILY.matcher(file.getFileName().toString());
        return daily.matches() && LogFiles.end(daily.group(1)).isAfter(began);
    }

    /** Returns the place behind the last whole line. */
    private long read(Path file, long from, List<String> into) throws IOException {
        long place = from;
        try (SeekableByteChannel in = Files.newByteChannel(file)) {
            ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
            while (true) {
                in.position(place);
                chunk.clear();
                while (chunk.hasRemaining() && in.read(chunk) > 0) { }
                int end = chunk.position();
                while (end > 0 && chunk.get(end - 1) != '\n') {
                    end--;
                }
                if (end == 0 && chunk.position() == chunk.capacity()) {
                    // A line longer than a chunk: once more, with room for it.
                    chunk = ByteBuffer.allocate(Math.multiplyExact(chunk.capacity(), 2));
                } else if (end == 0) {
                    return place;
                } else {
                    new String(chunk.array(), 0, end, StandardCharsets.UTF_8).lines().filter(line -> line.contains(mark) && line.contains(stage)).forEach(into::add);
                    place += end;
                }
            }
        }
    }
}
