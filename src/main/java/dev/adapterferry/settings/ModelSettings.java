package dev.adapterferry.settings;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One model: where its adapter comes from, what it is merged into, and how it is deployed. Keys of
 * {@code models.<name>}; the name is what users type and what a file in the inbox is called.
 */
public record ModelSettings(
        @Setting("What the model is for; shown by `ferry models`.") String description,
        @Setting(value = "Whether `--all` and the schedule carry this model.", def = "true") boolean enabled,
        @Setting("Where the adapter comes from.") Source source,
        @Setting(value = "The base checkpoint: a Hugging Face repository (`org/name`) or a folder. Without it the one that the adapter names.", def = "{{merge.base}}")
        Optional<String> base,
        @Setting("Commit, tag or branch of the base. Without it the one that the adapter names, else `main`, resolved once to a commit.") Optional<String> baseRevision,
        @Setting(value = "Quantizations to make.", def = "{{quantize.formats}}") List<Format> formats,
        @Setting(value = "The quantization that is loaded, probed and evaluated; the first of `formats` when it is not among them.", def = "{{quantize.primary-format}}")
        Optional<Format> primaryFormat,
        @Setting(value = "Publisher folder in LM Studio's models directory.", def = "{{deploy.publisher}}") String publisher,
        @Setting("Model folder in LM Studio's models directory, and the name in Ollama. Without it the model's name.") Optional<String> deployAs,
        @Setting(value = "Context length in tokens with which the model is loaded.", def = "8192", min = 8, max = 16_777_216) int contextLength,
        @Setting(value = "Sampling temperature of clients and probes.", def = "0.7", min = 0, max = 2) double temperature,
        @Setting("System prompt of clients and probes.") String systemPrompt,
        @Setting(value = "OpenAI-compatible server that answers for this model.", def = "{{deploy.lmstudio.api-url}}") java.net.URI endpoint,
        @Setting(value = "Prompts of the health check.", def = "{{health.test-prompts}}", prose = true) List<String> testPrompts,
        @Setting(value = "Evaluation sets, by file name without `.jsonl`.", def = "{{evaluate.sets}}") List<String> evaluation) {

    /** Moves the primary format to the first one made when it is not made at all. */
    public ModelSettings {
        if (formats.isEmpty()) {
            throw new IllegalArgumentException("formats must name at least one quantization");
        }
        for (String folder : List.of(publisher, deployAs.orElse("x"))) {
            Names.requireFolderName(folder);
        }
        if (primaryFormat.isEmpty() || !formats.contains(primaryFormat.get())) {
            primaryFormat = Optional.of(formats.getFirst());
        }
    }

    /**
     * Where an adapter comes from. Usually one of {@code instanceId} and {@code url}; with neither, the instance is found by
     * its label ({@code vast.instance-label}), or the command line names the adapter.
     */
    public record Source(
            @Setting("The vast.ai instance (contract id) that trains this adapter.") OptionalLong instanceId,
            @Setting(value = "Folder of the training's output on the instance.", def = "/workspace/output") String path,
            @Setting("Any other source: `ssh://user@host:port/path`, `file:/path`, `hf:org/name[@revision]`, `s3://bucket/prefix`.") Optional<String> url) {

        /** Refuses two sources for one model, and kinds of address that nobody can fetch. */
        public Source {
            if (instanceId.isPresent() && url.isPresent()) {
                throw new IllegalArgumentException("give either instance-id or url, not both");
            }
            if (url.isPresent() && !url.get().matches("(ssh://|sftp://|file:|hf:|s3://).+")) {
                throw new IllegalArgumentException("url must begin with ssh://, sftp://, file:, hf: or s3://, found '" + url.get() + "'");
            }
        }
    }

    /** The adapter's folder when the source is a local one. */
    public Optional<Path> localSource() {
        return source.url().filter(url -> url.startsWith("file:")).map(url -> Path.of(url.substring("file:".length()).replaceFirst("^//+", "/")));
    }
}
