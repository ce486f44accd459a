package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Folders;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Thousands of broken and hostile files: each merges or is refused in a sentence, nothing else happens, and nothing is left behind. */
class MutationFuzzTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final int MUTATIONS = 2000;
    private static final int WRITTEN_EACH = 50;
    private static final List<String> VALUES = List.of("-1", "0", "1e3", "1.5", "9223372036854775807", "18446744073709551616", "2147483648", "null", "true", "\"x\"", "[]", "{}", "[[0,1]]",
            "\"\\u0000\"", "{\"a\":{\"b\":[]}}", "\"F64\"", "\"I8\"", "\"F8_E4M3\"", "\"../x\"");
    private static final Pattern VALUE = Pattern.compile("(?<=:) ?(-?[0-9.]+|\"[^\"]*\"|true|false|null|\\[[^\\[\\]]*\\])|(?<=[\\[,] ?)[0-9]+(?=[,\\]])");
    private static final Pattern KEY = Pattern.compile("\"[A-Za-z_.0-9]+\"(?= ?:)");

    @TempDir
    Path folder;

    private final Random random = new Random(20261128);

    @Test
    void mergesOrRefusesWhateverTheFilesHold() throws IOException {
        TinyFiles base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2").put("vocab_size", 12).put("tie_word_embeddings", false);
        base.add("model.embed_tokens.weight", ElementType.BF16, 0.5, 12, 8);
        base.add("lm_head.weight", ElementType.BF16, 0.5, 12, 8);
        base.add(Q + ".weight", ElementType.BF16, 0.1, 10, 8);
        base.add(Q + ".bias", ElementType.F32, 0.1, 10);
        base.writeBase(300);
        TinyFiles adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 2, 4).pair(Q, 2, 10, 8);
        adapter.config.put("use_dora", true).put("bias", "none").put("use_rslora", false).put("peft_version", "0.18.0").putObject("rank_pattern").put("q_proj", 2);
        adapter.config.putArray("modules_to_save").add("lm_head");
        adapter.config.putArray("trainable_token_indices").add(3).add(5);
        adapter.add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, i -> 0.3, 10);
        adapter.add("base_model.model.lm_head.weight", ElementType.BF16, 0.5, 12, 8);
        adapter.add("base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta", ElementType.F32, 0.5, 2, 8);
        adapter.file("tokenizer.json", "{\"model\":{\"vocab\":{\"a\":0,\"b\":11}},\"added_tokens\":[{\"id\":10,\"content\":\"<x>\"}]}").writeAdapter();
        List<Path> files;
        try (Stream<Path> walked = Files.walk(folder)) {
            files = walked.filter(Files::isRegularFile).sorted().toList();
        }
        assertThat(files).hasSizeGreaterThan(6);
        List<String> names = names();
        int merged = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            Path file = files.get(random.nextInt(files.size()));
            byte[] sound = Files.readAllBytes(file);
            byte[] mutated = mutate(file, sound);
            Files.write(file, mutated);
            try {
                merge(base, adapter, i);
                merged++;
            } catch (FerryException e) {
                assertThat(e.getMessage()).as("mutation %d of %s", i, file).isNotBlank().doesNotContain("null,", "Exception");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("Mutation " + i + " of " + file + ": " + new String(mutated, StandardCharsets.ISO_8859_1), e);
            }
            Files.write(file, sound);
            assertThat(names()).isEqualTo(names);
        }
        // Most mutations must be told, and some are harmless; otherwise this test would try nothing.
        assertThat(merged).isBetween(MUTATIONS / 50, MUTATIONS / 2);
    }

    private void merge(TinyFiles base, TinyFiles adapter, int number) throws IOException {
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            if (number % WRITTEN_EACH == 0) {
                Path out = folder.resolve("out");
                new AdapterMerger().merge(merged, new MergeRequest(out, Optional.empty(), 400, 1), Progress.NONE, new Cancellation());
                Folders.delete(out);
                return;
            }
            for (TensorInfo tensor : merged.tensors().tensors()) {
                merged.tensors().read(tensor, 0, (int) tensor.rows(), new float[(int) tensor.elements()], 0);
            }
            merged.report().toTable();
        }
    }

    private List<String> names() throws IOException {
        try (Stream<Path> walked = Files.walk(folder)) {
            return walked.map(Path::toString).sorted().collect(Collectors.toList());
        }
    }

    private byte[] mutate(Path file, byte[] sound) {
        boolean safetensors = file.toString().endsWith(".safetensors");
        int header = safetensors ? (int) ByteBuffer.wrap(sound).order(ByteOrder.LITTLE_ENDIAN).getLong() : 0;
        return switch (random.nextInt(7)) {
            case 0 -> Arrays.copyOf(sound, random.nextInt(sound.length));
            case 1 -> Arrays.copyOf(sound, sound.length + 1 + random.nextInt(20));
            case 2 -> {
                byte[] flipped = sound.clone();
                for (int n = 1 + random.nextInt(4); n > 0; n--) {
                    flipped[random.nextInt(flipped.length)] ^= (byte) (1 << random.nextInt(8));
                }
                yield flipped;
            }
            case 3 -> {
                byte[] noise = sound.clone();
                int at = random.nextInt(noise.length);
                for (int i = at; i < Math.min(noise.length, at + 1 + random.nextInt(16)); i++) {
                    noise[i] = (byte) random.nextInt(256);
                }
                yield noise;
            }
            case 4 -> {
                if (!safetensors) {
                    yield text(sound, 0, sound.length, KEY, "\"" + List.of("weight_map", "r", "use_dora", "shape", "peft_type", "a b").get(random.nextInt(6)) + "\"");
                }
                byte[] length = sound.clone();
                ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).putLong(List.of(0L, -1L, 1L << 40, (long) header + 1, header - 1L, Long.MAX_VALUE, 100_000_000L).get(random.nextInt(7)));
                yield length;
            }
            default -> safetensors ? text(sound, 8, 8 + header, random.nextInt(3) > 0 ? VALUE : KEY, VALUES.get(random.nextInt(VALUES.size())))
                    : text(sound, 0, sound.length, random.nextInt(6) > 0 ? VALUE : KEY, VALUES.get(random.nextInt(VALUES.size())));
        };
    }

    /** Puts something in the place of one of the JSON's values or keys; the length field of a safetensors file follows. */
    private byte[] text(byte[] sound, int from, int to, Pattern what, String replacement) {
        String json = new String(sound, from, to - from, StandardCharsets.UTF_8);
        List<int[]> places = what.matcher(json).results().map(m -> new int[] {m.start(), m.end()}).toList();
        if (places.isEmpty()) {
            return Arrays.copyOf(sound, sound.length / 2);
        }
        int[] place = places.get(random.nextInt(places.size()));
        byte[] changed = (json.substring(0, place[0]) + Matcher.quoteReplacement(replacement) + json.substring(place[1])).getBytes(StandardCharsets.UTF_8);
        ByteBuffer out = ByteBuffer.allocate(from + changed.length + sound.length - to).order(ByteOrder.LITTLE_ENDIAN);
        if (from == 8) {
            out.putLong(changed.length);
        }
        return out.put(changed).put(sound, to, sound.length - to).array();
    }
}
