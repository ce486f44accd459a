package dev.adapterferry.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file, read without trust: every rule of the reference parser holds (valid UTF-8, exact sizes, no
 * hole, no overlap, no byte left over), and a few that it leaves open (duplicate names, numbers that are not plain integers, absurd
 * ranks and counts). Format: <a href="https://github.com/huggingface/safetensors#format">huggingface/safetensors</a>.
 *
 * @param metadata the {@code __metadata__} entries
 * @param entries  the tensors in the order of their bytes
 */
record SafetensorsHeader(Map<String, String> metadata, List<Entry> entries) {
    static final int LENGTH_BYTES = 8;
    /** The reference parser's limit on the header; a header of a real model has a few MB at most. */
    static final long LARGEST = 100_000_000;
    private static final int MOST_TENSORS = 1_000_000;
    private static final int MOST_DIMENSIONS = 8;
    private static final int LONGEST_NAME = 4096;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(4).maxNameLength(LONGEST_NAME)
                    .maxNumberLength(20).maxStringLength(1 << 20).build())
            .build();

    /** One tensor and where its bytes lie, counted from the end of the header. */
    record Entry(TensorInfo info, ElementType type, long begin, long end) { }

    /**
     * Reads a header.
     *
     * @param file      for messages
     * @param header    the header's bytes, without the length before them
     * @param dataBytes how many bytes follow the header in the file
     * @throws MalformedFile on the first defect
     */
    static SafetensorsHeader parse(Path file, byte[] header, long dataBytes) {
        requireUtf8(file, header);
        // Jackson guesses UTF-16 and UTF-32 from zero bytes near the start; no such guess may be made here.
        if (header.length < 2 || header[0] != '{' || header[1] == 0) {
            throw new MalformedFile(file, LENGTH_BYTES, "the header does not start with '{'; this is no safetensors file, or a damaged one");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Entry> entries = new ArrayList<>();
        try (JsonParser json = JSON.createParser(header)) {
            Cursor cursor = new Cursor(file, json);
            cursor.expect(JsonToken.START_OBJECT, "an object");
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                if (name.equals("__metadata__")) {
                    readMetadata(cursor, metadata);
                } else if (entries.size() == MOST_TENSORS) {
                    throw cursor.defect("more than " + MOST_TENSORS + " tensors");
                } else {
                    entries.add(readEntry(cursor, name));
                }
            }
            if (json.nextToken() != null) {
                throw cursor.defect("something follows the header's object");
            }
        } catch (JsonProcessingException e) {
            throw new MalformedFile(file, LENGTH_BYTES + Math.max(0, e.getLocation() == null ? 0 : e.getLocation().getByteOffset()),
                    "the header is not the JSON that safetensors asks for: " + PrintableName.of(e.getOriginalMessage()));
        } catch (IOException e) {
            throw new FerryException("Cannot read the header of " + file + ": " + Durable.reason(e) + ".", e);
        }
        requireExactCover(file, entries, LENGTH_BYTES + header.length, dataBytes);
        return new SafetensorsHeader(metadata, entries);
    }

    private static void requireUtf8(Path file, byte[] header) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(header);
        CharBuffer out = CharBuffer.allocate(8192);
        CoderResult result;
        do {
            out.clear();
            result = decoder.decode(in, out, true);
        } while (result.isOverflow());
        if (result.isError()) {
            throw new MalformedFile(file, LENGTH_BYTES + in.position(), "the header is not valid UTF-8");
        }
    }

    private static void readMetadata(Cursor cursor, Map<String, String> metadata) throws IOException {
        cursor.expect(JsonToken.START_OBJECT, "an object after '__metadata__'");
        while (cursor.json.nextToken() == JsonToken.FIELD_NAME) {
            String key = cursor.json.currentName();
            cursor.expect(JsonToken.VALUE_STRING, "a string for '__metadata__." + PrintableName.of(key) + "'");
            metadata.put(key, cursor.json.getText());
        }
    }

    private static Entry readEntry(Cursor cursor, String name) throws IOException {
        String tensor = "tensor '" + PrintableName.of(name) + "'";
        ElementType type = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        cursor.expect(JsonToken.START_OBJECT, "an object for " + tensor);
        while (cursor.json.nextToken() == JsonToken.FIELD_NAME) {
            switch (cursor.json.currentName()) {
                case "dtype" -> {
                    cursor.expect(JsonToken.VALUE_STRING, "a string as dtype of " + tensor);
                    String dtype = cursor.json.getText();
                    type = ElementType.fromName(dtype).orElseThrow(() -> cursor.defect(tensor + " has dtype '" + PrintableName.of(dtype)
                            + "', which is not one of " + List.of(ElementType.values())));
                }
                case "shape" -> shape = cursor.integers(MOST_DIMENSIONS, "shape of " + tensor);
                case "data_offsets" -> offsets = cursor.integers(2, "data_offsets of " + tensor);
                default -> throw cursor.defect(tensor + " has an unknown entry '" + PrintableName.of(cursor.json.currentName()) + "'");
            }
        }
        if (type == null || shape == null || offsets == null || offsets.size() != 2) {
            throw cursor.defect(tensor + " needs dtype, shape and two data_offsets");
        }
        return new Entry(new TensorInfo(name, type, shape), type, offsets.getFirst(), offsets.getLast());
    }

    private static void requireExactCover(Path file, List<Entry> entries, long dataStart, long dataBytes) {
        entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long cursor = 0;
        for (Entry entry : entries) {
            String tensor = "tensor '" + PrintableName.of(entry.info.name()) + "'";
            if (entry.begin != cursor) {
                throw new MalformedFile(file, dataStart + Math.min(cursor, entry.begin), tensor + " begins at data offset " + entry.begin + ", expected "
                        + cursor + (entry.begin < cursor ? ": it overlaps the tensor before it" : ": there is a hole before it"));
            }
            long bytes;
            try {
                bytes = entry.type.bytesFor(entry.info.elements());
            } catch (ArithmeticException e) {
                throw new MalformedFile(file, dataStart + cursor, tensor + " has the impossible shape " + entry.info.shape());
            }
            if (entry.end - entry.begin != bytes) {
                throw new MalformedFile(file, dataStart + cursor, tensor + " of shape " + entry.info.shape() + " in " + entry.type + " needs " + bytes
                        + " bytes, its data_offsets span " + (entry.end - entry.begin));
            }
            if (entry.end > dataBytes) {
                throw new MalformedFile(file, dataStart + dataBytes, tensor + " ends at data offset " + entry.end + ", the file at " + dataBytes
                        + ": it is truncated");
            }
            cursor = entry.end;
        }
        if (cursor != dataBytes) {
            throw new MalformedFile(file, dataStart + cursor, "the tensors end here, but " + (dataBytes - cursor) + " more bytes follow");
        }
    }

    /** The JSON parser with the file's name at hand. */
    private record Cursor(Path file, JsonParser json) {
        MalformedFile defect(String what) {
            return new MalformedFile(file, LENGTH_BYTES + Math.max(0, json.currentTokenLocation().getByteOffset()), what);
        }

        void expect(JsonToken token, String what) throws IOException {
            if (json.nextToken() != token) {
                throw defect("expected " + what + ", found " + json.currentToken());
            }
        }

        List<Long> integers(int most, String what) throws IOException {
            expect(JsonToken.START_ARRAY, "a list as " + what);
            List<Long> values = new ArrayList<>();
            while (json.nextToken() != JsonToken.END_ARRAY) {
                // A token of digits alone: "1.0", "1e3", "-0" and strings are not sizes.
                String text = json.currentToken() == JsonToken.VALUE_NUMBER_INT ? json.getText() : "";
                if (values.size() == most || text.isEmpty() || !Character.isDigit(text.charAt(0)) || json.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                    throw defect(values.size() == most ? "more than " + most + " numbers in the " + what
                            : "the " + what + " holds something other than an integer from 0 to 2^63-1");
                }
                values.add(json.getLongValue());
            }
            return values;
        }
    }
}
