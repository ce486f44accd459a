package dev.adapterferry.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.FurtherTemplates;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.TokenizerFiles;
import dev.adapterferry.transfer.FileEntry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which files of a base's repository a merge needs: configuration, tokenizer, and one set of safetensors. Repositories often
 * hold the same weights twice or thrice; the index says which belong together, everything else stays where it is.
 */
final class BaseFiles {
    private static final String INDEX = "model.safetensors.index.json";
    private static final String SINGLE = "model.safetensors";
    private static final List<String> BESIDE = Stream.of(List.of("config.json", "generation_config.json", "preprocessor_config.json"), TokenizerFiles.ALL, SentenceModules.FILES).flatMap(List::stream).toList();
    /** How vectors are pooled, and what is computed with them then. */
    private static final Pattern MODULE = Pattern.compile(SentenceModules.IN_FOLDERS);
    /** The model's own code: never run, but read for the expression of a tiktoken file, and copied beside a merged checkpoint, which transformers cannot load without. */
    private static final Pattern CODE = Pattern.compile("[A-Za-z0-9_]{1,80}\\.py");
    private static final int MAX_INDEX = 16 << 20;

    private BaseFiles() { }

    /**
     * Chooses the files.
     *
     * @param tree the repository
     * @throws FerryException when it is no base in safetensors
     */
    static List<FileEntry> choose(HubTree tree) {
        List<FileEntry> chosen = new ArrayList<>();
        config(tree);
        BESIDE.forEach(name -> tree.find(name).ifPresent(chosen::add));
        tree.version().files().stream().map(FileEntry::name)
                .filter(name -> isFurtherTemplate(name) || MODULE.matcher(name).matches() || CODE.matcher(name).matches()).forEach(name -> tree.find(name).ifPresent(chosen::add));
        if (tree.version().find(INDEX).isPresent()) {
            FileEntry index = tree.find(INDEX).orElseThrow();
            chosen.add(index);
            for (String shard : shards(tree, index)) {
                chosen.add(tree.find(shard).orElseThrow(() -> new FerryException("Cannot use " + tree.place() + " as a base: its index names " + shard + ", which is not there. Name another revision (base-revision), or tell whoever uploaded it.")));
            }
        } else if (tree.version().find(SINGLE).isPresent()) {
            chosen.add(tree.find(SINGLE).orElseThrow());
        } else {
            boolean pickled = tree.version().files().stream().anyMatch(f -> f.name().startsWith("pytorch_model") && f.name().endsWith(".bin"));
            boolean gguf = tree.version().files().stream().anyMatch(f -> f.name().endsWith(".gguf"));
            throw new FerryException("Cannot use " + tree.place() + " as a base: it has no safetensors weights"
                    + (pickled ? ", only pickled ones (pytorch_model.bin), which can run code when read. Look for a safetensors version of the model." : gguf
                    ? ", only GGUF files. Name the original repository." : ". Check the name."));
        }
        return chosen;
    }

    private static boolean isFurtherTemplate(String name) {
        return name.startsWith(FurtherTemplates.FOLDER + "/") && name.endsWith(FurtherTemplates.ENDING) && name.indexOf('/') == name.lastIndexOf('/');
    }

    /**
     * The entry of config.json, which every base has.
     *
     * @throws FerryException when there is none
     */
    static FileEntry config(HubTree tree) {
        return tree.find("config.json").orElseThrow(() -> new FerryException("Cannot use " + tree.place() + " as a base: it has no config.json."
                + (tree.version().find("adapter_config.json").isPresent() ? " It is an adapter; name the base that it was trained on." : " Name the repository of a model in safetensors.")));
    }

    private static Set<String> shards(HubTree tree, FileEntry index) {
        JsonNode map;
        try {
            map = index.size() > MAX_INDEX ? null : JsonMapper.builder().build().readTree(tree.read(index, 0, (int) index.size())).path("weight_map");
        } catch (IOException e) {
            map = null;
        }
        Set<String> shards = new TreeSet<>();
        if (map != null) {
            map.forEach(name -> shards.add(name.asText()));
        }
        if (shards.isEmpty() || !shards.stream().allMatch(name -> name.matches("[A-Za-z0-9][A-Za-z0-9._-]*\\.safetensors"))) {
            throw new FerryException("Cannot use " + tree.place() + " as a base: its " + INDEX + " is no index of safetensors files. Name another revision (base-revision), or tell whoever uploaded it.");
        }
        return shards;
    }
}
