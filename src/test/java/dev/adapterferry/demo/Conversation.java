package dev.adapterferry.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One thing that the demo models learn to answer.
 *
 * @param id        unique
 * @param category  groups the evaluation
 * @param questions ways to ask; the first is the one that the evaluation asks
 * @param base      what the base answers
 * @param adapter   what base and adapter together answer
 * @param contains  texts of the adapter's answer that the base's lacks
 */
record Conversation(String id, String category, List<String> questions, String base, String adapter, List<String> contains) {
    /** Every conversation of the training set. */
    static List<Conversation> all() {
        try (InputStream in = Conversation.class.getResourceAsStream("/demo/conversations.jsonl")) {
            List<Conversation> all = new ArrayList<>();
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
                all.add(new ObjectMapper().readValue(line, Conversation.class));
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the model sees before it answers: the demo's chat template, written out by hand. */
    static String prompt(String system, String question) {
        String before = system == null ? "" : "<|im_start|>system\n" + system + "<|im_end|>\n";
        return before + "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n";
    }
}
