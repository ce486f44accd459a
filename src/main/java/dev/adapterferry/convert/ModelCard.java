package dev.adapterferry.convert;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the YAML at the head of a model card ({@code README.md}) says about a model. A card is decoration: one that cannot be read says
 * nothing, and never stops a conversion.
 *
 * @param license     id of the license, such as {@code apache-2.0}
 * @param licenseName its name, where the id is {@code other}
 * @param licenseLink where it stands
 * @param datasets    ids of the data sets it was trained on
 * @param tags        the card's tags
 * @param languages   language codes
 * @see <a href="https://huggingface.co/docs/hub/model-cards#model-card-metadata">Model card metadata</a>
 */
record ModelCard(Optional<String> license, Optional<String> licenseName, Optional<String> licenseLink, List<String> datasets, List<String> tags, List<String> languages) {
    /** Says nothing. */
    static final ModelCard NONE = new ModelCard(Optional.empty(), Optional.empty(), Optional.empty(), List.of(), List.of(), List.of());

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final int MAX_BYTES = 256 << 10;
    private static final int MAX_TEXT = 200;
    private static final int MAX_LIST = 64;

    /** Reads a card's head. */
    static ModelCard read(Path file) {
        String text;
        try (InputStream in = Files.newInputStream(file)) {
            text = new String(in.readNBytes(MAX_BYTES), StandardCharsets.UTF_8).replace("\r\n", "\n");
        } catch (IOException e) {
            return NONE;
        }
        int end = text.startsWith("---\n") ? text.indexOf("\n---", 3) : -1;
        if (end < 0) {
            return NONE;
        }
        try {
            JsonNode head = YAML.readTree(text.substring(4, end + 1));
            return head == null || !head.isObject() ? NONE : new ModelCard(text(head, "license"), text(head, "license_name"), text(head, "license_link"), list(head, "datasets"),
                    list(head, "tags"), list(head, "language"));
        } catch (JsonProcessingException e) {
            return NONE;
        }
    }

    /** This card, and where it says nothing the other one. What it was trained on and its tags are its own affair. */
    ModelCard or(ModelCard other) {
        boolean licensed = license.isPresent();
        return new ModelCard(license.or(other::license), licensed ? licenseName : other.licenseName, licensed ? licenseLink : other.licenseLink, datasets, tags,
                languages.isEmpty() ? other.languages : languages);
    }

    private static Optional<String> text(JsonNode head, String key) {
        JsonNode value = head.path(key).isArray() && head.path(key).size() == 1 ? head.path(key).get(0) : head.path(key);
        return value.isTextual() ? plain(value.asText()) : Optional.empty();
    }

    private static List<String> list(JsonNode head, String key) {
        List<String> values = new ArrayList<>();
        JsonNode value = head.path(key);
        (value.isArray() ? value : List.of(value)).forEach(item -> {
            if (item.isTextual() && values.size() < MAX_LIST) {
                plain(item.asText()).ifPresent(values::add);
            }
        });
        return List.copyOf(values);
    }

    private static Optional<String> plain(String text) {
        String plain = text.strip();
        return plain.isEmpty() || plain.length() > MAX_TEXT || plain.chars().anyMatch(Character::isISOControl) ? Optional.empty() : Optional.of(plain);
    }
}
