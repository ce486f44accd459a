package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The keys under {@code general.*} and {@code adapterferry.*}: what the model is called, what it was made of and with, under which license,
 * how its authors sample it. Names and values follow llama.cpp's converter ({@code gguf-py/gguf/metadata.py}).
 */
final class GeneralKeys {
    private static final Pattern REPOSITORY = Pattern.compile("([A-Za-z0-9][A-Za-z0-9._-]*)/([A-Za-z0-9][A-Za-z0-9._-]*)");
    /** {@code Qwen2.5-7B-Instruct}: base name, size, what it was tuned for. */
    private static final Pattern SIZED = Pattern.compile("(.+?)[-_](\\d+x)?(\\d+(?:\\.\\d+)?)([KMBT])(?:[-_](.+))?", Pattern.CASE_INSENSITIVE);
    private static final String HUB = "https://huggingface.co/";

    private final Checkpoint checkpoint;
    private final Provenance provenance;
    private final GgufMetadata metadata;

    GeneralKeys(Checkpoint checkpoint, Provenance provenance, GgufMetadata metadata) {
        this.checkpoint = checkpoint;
        this.provenance = provenance;
        this.metadata = metadata;
    }

    /** @param weights weights in the model; its size where the base's name does not say it */
    void write(long weights) {
        metadata.putString("general.quantized_by", "Adapter Ferry" + provenance.toolVersion().map(version -> " " + version).orElse(""));
        Optional<Matcher> base = provenance.baseModel().map(REPOSITORY::matcher).filter(Matcher::matches);
        names(base.map(repository -> repository.group(2)), weights);
        ModelCard card = provenance.adapterCard().map(ModelCard::read).orElse(ModelCard.NONE).or(checkpoint.file("README.md").map(ModelCard::read).orElse(ModelCard.NONE));
        card.license().ifPresent(license -> metadata.putString("general.license", license));
        card.licenseName().ifPresent(name -> metadata.putString("general.license.name", name));
        card.licenseLink().ifPresent(link -> metadata.putString("general.license.link", link));
        base.ifPresent(repository -> {
            metadata.putUint32("general.base_model.count", 1);
            source("general.base_model.0", repository);
        });
        datasets(card.datasets());
        metadata.putStrings("general.tags", card.tags());
        metadata.putStrings("general.languages", card.languages());
        checkpoint.file("generation_config.json").ifPresent(file -> {
            try {
                sampling(CheckpointFolder.readObject(file));
            } catch (FerryException e) {
                // Advice for whoever samples the model; one that cannot be read leaves the usual sampling.
                return;
            }
        });
        provenance.adapterSha256().ifPresent(v -> metadata.putString("adapterferry.adapter.sha256", v));
        provenance.baseModel().ifPresent(v -> metadata.putString("adapterferry.base.model", v));
        provenance.baseCommit().ifPresent(v -> metadata.putString("adapterferry.base.commit", v));
        provenance.runId().ifPresent(v -> metadata.putString("adapterferry.run.id", v));
        provenance.toolVersion().ifPresent(v -> metadata.putString("adapterferry.version", v));
    }

    private void names(Optional<String> base, long weights) {
        Optional<Matcher> sized = base.map(SIZED::matcher).filter(Matcher::matches);
        sized.ifPresent(name -> metadata.putString("general.basename", name.group(1)));
        provenance.finetune().or(() -> sized.flatMap(name -> Optional.ofNullable(name.group(5)))).ifPresent(tune -> metadata.putString("general.finetune", tune));
        metadata.putString("general.size_label", sized.map(name -> (name.group(2) == null ? "" : name.group(2).toLowerCase(Locale.ROOT)) + name.group(3) + name.group(4).toUpperCase(Locale.ROOT))
                .orElseGet(() -> sizeLabel(weights)));
    }

    /** A count of weights in two digits at least, such as {@code 7.6B}, {@code 494M}. */
    static String sizeLabel(long weights) {
        double[] scales = {1e12, 1e9, 1e6, 1e3};
        String suffixes = "TBMK";
        int scale = 0;
        while (scale < scales.length - 1 && weights <= scales[scale]) {
            scale++;
        }
        double scaled = weights / scales[scale];
        String whole = Long.toString(Math.round(scaled)).replaceFirst("^0+", "");
        return String.format(Locale.ROOT, "%." + Math.max(0, 2 - whole.length()) + "f%s", scaled, suffixes.charAt(scale));
    }

    private void datasets(List<String> ids) {
        List<Matcher> repositories = ids.stream().map(REPOSITORY::matcher).toList();
        if (!ids.isEmpty()) {
            metadata.putUint32("general.dataset.count", ids.size());
        }
        for (int i = 0; i < ids.size(); i++) {
            if (repositories.get(i).matches()) {
                source("general.dataset." + i, repositories.get(i));
            } else {
                metadata.putString("general.dataset." + i + ".name", title(ids.get(i)));
            }
        }
    }

    /** Name, maker and address of a repository. */
    private void source(String prefix, Matcher repository) {
        metadata.putString(prefix + ".name", title(repository.group(2))).putString(prefix + ".organization", title(repository.group(1)))
                .putString(prefix + ".repo_url", HUB + (prefix.startsWith("general.dataset") ? "datasets/" : "") + repository.group());
    }

    private void sampling(JsonNode generation) {
        number(generation, "temperature", "temp");
        number(generation, "top_p", "top_p");
        number(generation, "min_p", "min_p");
        number(generation, "repetition_penalty", "penalty_repeat");
        if (generation.path("top_k").canConvertToInt() && generation.path("top_k").isIntegralNumber()) {
            metadata.putInt32("general.sampling.top_k", generation.path("top_k").intValue());
        }
    }

    private void number(JsonNode generation, String from, String to) {
        if (generation.path(from).isNumber()) {
            metadata.putFloat32("general.sampling." + to, generation.path(from).floatValue());
        }
    }

    /** Words of an id as titles: {@code llama-3.2} is {@code Llama 3.2}; versions and words with capitals stay. */
    private static String title(String id) {
        return Arrays.stream(id.replace('-', ' ').strip().split(" +")).map(word -> word.equals(word.toLowerCase(Locale.ROOT)) && !word.isEmpty() && Character.isLetter(word.charAt(0))
                && !word.matches("v[0-9]+([.][0-9]+)*") ? Character.toUpperCase(word.charAt(0)) + word.substring(1) : word).collect(Collectors.joining(" "));
    }
}
