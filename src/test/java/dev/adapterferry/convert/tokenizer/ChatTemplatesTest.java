package dev.adapterferry.convert.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where templates are looked for, which wins, and the keys that they become. */
class ChatTemplatesTest {
    @TempDir
    Path folder;
    private Path base;
    private Path adapter;

    @BeforeEach
    void layOut() throws IOException {
        base = Files.createDirectories(folder.resolve("base"));
        adapter = Files.createDirectories(folder.resolve("adapter"));
        write(adapter, "adapter_config.json", "{}");
    }

    private static void write(Path folder, String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    /** As a checkpoint with an adapter gives files: the adapter's, else the base's. */
    private Map<String, String> find() {
        return ChatTemplates.find(name -> List.of(adapter, base).stream().map(place -> place.resolve(name)).filter(Files::isRegularFile).findFirst());
    }

    private static GgufMetadata written(Map<String, String> templates) {
        GgufMetadata metadata = new GgufMetadata();
        ChatTemplates.write(templates, metadata);
        return metadata;
    }

    @Test
    void takesTheTextOfTokenizerConfig() throws IOException {
        write(base, "tokenizer_config.json", "{\"chat_template\": \"{{ config }}\"}");
        write(base, "chat_template.jinja", "{{ file }}");
        write(base, "additional_chat_templates/rag.jinja", "{{ rag }}");
        assertThat(find()).isEqualTo(Map.of("default", "{{ config }}"));
        write(base, "tokenizer_config.json", "{\"chat_template\": null}");
        assertThat(find()).as("null is an answer").isEmpty();
    }

    @Test
    void namesTheTemplatesOfAList() throws IOException {
        write(base, "tokenizer_config.json", """
                {"chat_template": [{"name": "tool_use", "template": "{{ tools }}"}, {"name": "default", "template": "{{ usual }}"}, {"name": "rag 2", "template": "{{ rag }}"}]}""");
        GgufMetadata keys = written(find());
        assertThat(keys.entries().keySet()).containsExactly("tokenizer.chat_template.rag_2", "tokenizer.chat_template.tool_use", "tokenizer.chat_templates", "tokenizer.chat_template");
        assertThat(keys.findString("tokenizer.chat_template")).contains("{{ usual }}");
        assertThat(keys.findString("tokenizer.chat_template.tool_use")).contains("{{ tools }}");
        assertThat(keys.findStrings("tokenizer.chat_templates")).contains(List.of("rag_2", "tool_use"));
    }

    @Test
    void takesTheFolderOfFurtherTemplatesWithTheFileBesideIt() throws IOException {
        write(base, "tokenizer_config.json", "{}");
        write(base, "chat_template.jinja", "{{ usual }}");
        write(base, "additional_chat_templates/tool-use.jinja", "{{ tools }}");
        write(base, "additional_chat_templates/rag.jinja", "\uFEFF{{ rag }}");
        write(base, "additional_chat_templates/README.md", "no template");
        assertThat(find()).isEqualTo(Map.of("default", "{{ usual }}", "rag", "{{ rag }}", "tool_use", "{{ tools }}"));
        assertThat(written(find()).entries().keySet()).containsExactly("tokenizer.chat_template.rag", "tokenizer.chat_template.tool_use", "tokenizer.chat_templates", "tokenizer.chat_template");
        write(adapter, "chat_template.jinja", "{{ trained }}");
        assertThat(find()).as("the base's further templates do not belong to the adapter's").isEqualTo(Map.of("default", "{{ trained }}"));
    }

    @Test
    void takesTheOldFileOfProcessors() throws IOException {
        write(base, "chat_template.json", "{\"chat_template\": \"{{ json }}\"}");
        assertThat(find()).isEqualTo(Map.of("default", "{{ json }}"));
        Files.delete(base.resolve("chat_template.json"));
        assertThat(find()).isEmpty();
        assertThat(written(Map.of()).entries().keySet()).isEmpty();
    }

    @Test
    void theTrainingsTemplateWinsOverTheBasesConfiguration() throws IOException {
        write(base, "tokenizer_config.json", "{\"chat_template\": \"{{ base }}\"}");
        assertThat(find()).isEqualTo(Map.of("default", "{{ base }}"));
        write(adapter, "chat_template.jinja", "{{ trained }}");
        assertThat(find()).isEqualTo(Map.of("default", "{{ trained }}"));
        write(adapter, "tokenizer_config.json", "{\"chat_template\": \"{{ own }}\"}");
        assertThat(find()).as("the adapter's own configuration is the reference's first choice").isEqualTo(Map.of("default", "{{ own }}"));
        Files.delete(adapter.resolve("chat_template.jinja"));
        write(base, "chat_template.jinja", "{{ base }}");
        assertThat(find()).isEqualTo(Map.of("default", "{{ own }}"));
    }
}
