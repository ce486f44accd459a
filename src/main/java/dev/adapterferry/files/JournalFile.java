package dev.adapterferry.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * How far some work has come, on disk: a line of JSON with the work's key, then lines that each vouch for something. Whoever appends one has brought that to
 * the medium before, so whatever was killed when, every whole line is true. A line that a kill cut short is passed over.
 */
public final class JournalFile implements Closeable {
    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;
    private final FileChannel channel;

    private JournalFile(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * What an earlier process left.
     *
     * @param key   the key of its work; empty when not even that line is whole
     * @param lines the whole lines after it, in order
     */
    public record Left(String key, List<JsonNode> lines) { }

    /**
     * Reads a journal.
     *
     * @return empty where there is none
     * @throws FerryException when it cannot be read
     */
    public static Optional<Left> read(Path file) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            List<String> lines = List.of(new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n"));
            return Optional.of(new Left(parse(lines.getFirst()).map(head -> head.path("key").asText()).findFirst().orElse(""),
                    lines.stream().skip(1).flatMap(JournalFile::parse).toList()));
        } catch (IOException e) {
            throw new FerryException("Cannot read the journal " + file + ": " + Durable.reason(e) + ". Delete it to begin anew.", e);
        }
    }

    /** The line, if it is whole: a cut one is no JSON. */
    private static Stream<JsonNode> parse(String line) {
        try {
            return Stream.of(JSON.readTree(line)).filter(JsonNode::isObject);
        } catch (JsonProcessingException e) {
            return Stream.empty();
        }
    }

    /**
     * Starts a journal in place of what is there.
     *
     * @param key   the key of the work
     * @param known what holds from the beginning: lines of an earlier journal that were found true
     * @throws FerryException when it cannot be written
     */
    public static JournalFile start(Path file, String key, List<? extends JsonNode> known) {
        try {
            Durable.write(file, text(Stream.concat(Stream.of(JSON.createObjectNode().put("key", key)), known.stream()).toList()));
            return new JournalFile(file, FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND));
        } catch (IOException e) {
            throw failure("write", file, e);
        }
    }

    /**
     * Adds lines.
     *
     * @param lines what is on the medium by now
     * @throws IOException when the disk refuses them
     */
    public void append(List<? extends JsonNode> lines) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text(lines).getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        channel.force(true);
    }

    private static String text(List<? extends JsonNode> lines) {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(line).append('\n'));
        return text.toString();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Every line was forced when it was written.
        }
    }

    /** Removes it: the work is over. */
    public void delete() {
        close();
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw failure("remove", file, e);
        }
    }

    private static FerryException failure(String act, Path file, IOException e) {
        return new FerryException("Cannot " + act + " the journal " + file + ": " + Durable.reason(e) + ".", e);
    }
}
