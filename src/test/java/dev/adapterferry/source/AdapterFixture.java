package dev.adapterferry.source;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Random;

/** Writes folders that look like what trainers leave: small, seeded, with the times in the order in which they save. */
public final class AdapterFixture {
    private final Path root;
    private Instant clock = Instant.parse("2026-03-01T10:00:00Z");

    public AdapterFixture(Path root) {
        this.root = root;
        make(root);
    }

    public Path root() {
        return root;
    }

    /** PEFT's save_pretrained into a folder: card, weights, then configuration. */
    public AdapterFixture peft(String folder, int weightBytes, long seed) {
        file(folder, "README.md", "---\nbase_model: tiny\n---\n");
        bytes(folder, "adapter_model.safetensors", weights(weightBytes, seed));
        file(folder, "adapter_config.json", config(true));
        file(folder, "tokenizer_config.json", "{\"chat_template\":\"{{ messages }}\"}");
        return file(folder, "tokenizer.json", "{\"model\":{\"type\":\"BPE\"}}");
    }

    /** A chat template, and another one in the folder that transformers keeps beside it. */
    public AdapterFixture templates(String folder, String further) {
        return file(folder, "chat_template.jinja", "{{ messages }}").file(folder, "additional_chat_templates/rag.jinja", further).file(folder, "additional_chat_templates/notes.txt", "-");
    }

    /** A transformers checkpoint: adapter, optimizer state, trainer_state.json last. */
    public AdapterFixture checkpoint(int step, int maxSteps, long seed) {
        String folder = "checkpoint-" + step;
        peft(folder, 4096, seed);
        bytes(folder, "optimizer.pt", new byte[2048]);
        bytes(folder, "rng_state.pth", new byte[128]);
        return file(folder, "trainer_state.json", state(step, maxSteps, ""));
    }

    public static String state(int step, int maxSteps, String more) {
        return "{\"epoch\":1.0,\"global_step\":" + step + ",\"log_history\":[{\"loss\":1.0,\"step\":1}],\"max_steps\":" + maxSteps + more + "}";
    }

    public static String config(boolean inference) {
        return "{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8,\"inference_mode\":" + inference + ",\"base_model_name_or_path\":\"tiny\"}";
    }

    public AdapterFixture file(String folder, String name, String text) {
        return bytes(folder, name, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes a file one second after the one before. */
    public AdapterFixture bytes(String folder, String name, byte[] content) {
        Path file = (folder.isEmpty() ? root : root.resolve(folder)).resolve(name);
        make(file.getParent());
        try {
            Files.write(file, content);
            clock = clock.plusSeconds(1);
            Files.setLastModifiedTime(file, FileTime.from(clock));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    /** A safetensors file with one pair of LoRA matrices of random F32 values. */
    public static byte[] weights(int bytes, long seed) {
        int half = Math.max(4, bytes / 8 * 4);
        String header = "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"base_model.model.q_proj.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[1," + half / 4 + "],\"data_offsets\":[0," + half + "]},"
                + "\"base_model.model.q_proj.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[" + half / 4 + ",1],\"data_offsets\":[" + half + "," + 2 * half + "]}}";
        return safetensors(header, 2 * half, seed);
    }

    /** A safetensors file with a given header and random data. */
    public static byte[] safetensors(String header, int dataBytes, long seed) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        byte[] data = new byte[dataBytes];
        new Random(seed).nextBytes(data);
        return ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).put(data).array();
    }

    public static String sha256(Path file) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (IOException | java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void make(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
