package dev.adapterferry.source;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.tensor.FurtherTemplates;
import dev.adapterferry.tensor.RangedHeader;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TokenizerFiles;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which files of a folder make up an adapter: weights and configuration must be there, tokenizer and template come along,
 * notes are welcome; optimizer state and pickles stay behind. Names outside these lists are never fetched.
 */
final class AdapterFiles {
    static final String CONFIG = "adapter_config.json";
    static final String WEIGHTS = "adapter_model.safetensors";
    private static final String INDEX = "adapter_model.safetensors.index.json";
    private static final String PICKLE = "adapter_model.bin";
    private static final Pattern SHARD = Pattern.compile("adapter_model-(\\d{5})-of-(\\d{5})\\.safetensors");

    /** What a merge reads besides the weights; a change in one of them makes another adapter. */
    private static final List<String> READ_BY_MERGE = Stream.of(List.of(CONFIG), TokenizerFiles.ALL, List.of("config.json", "generation_config.json"), SentenceModules.FILES).flatMap(List::stream).toList();
    private static final List<String> NOTES = List.of("trainer_state.json", "README.md", "training_args.yaml");
    /** The further chat templates that transformers saves beside chat_template.jinja, by the name under which they are kept. */
    private static final Pattern FURTHER_TEMPLATE = Pattern.compile(FurtherTemplates.FOLDER + "/[A-Za-z0-9_-][A-Za-z0-9._-]{0,100}" + Pattern.quote(FurtherTemplates.ENDING));
    private static final int MOST_TEMPLATES = 64;
    /** What sentence-transformers keeps in folders beside modules.json. */
    private static final Pattern MODULE = Pattern.compile(SentenceModules.IN_FOLDERS);
    private static final Pattern RECIPE = Pattern.compile("[A-Za-z0-9._-]{1,64}\\.ya?ml");

    /** Tokenizers have tens of MB at most. */
    private static final long MAX_OTHER = 256L << 20;
    private static final long MAX_RECIPE = 1L << 20;

    private AdapterFiles() { }

    /** Whether a folder's files hold weights that can be pulled. */
    static boolean hasWeights(Collection<FileEntry> folder) {
        return folder.stream().anyMatch(f -> isWeights(f.plainName()));
    }

    static boolean isWeights(String name) {
        return name.equals(WEIGHTS) || name.equals(PICKLE) || SHARD.matcher(name).matches();
    }

    static boolean isPickle(String name) {
        return name.equals(PICKLE);
    }

    static boolean isSafetensors(String name) {
        return name.endsWith(".safetensors");
    }

    /** Whether a file's content decides what a merge gives. */
    static boolean isReadByMerge(String name) {
        return isWeights(name) || name.equals(INDEX) || READ_BY_MERGE.contains(name) || FURTHER_TEMPLATE.matcher(name).matches() || MODULE.matcher(name).matches();
    }

    /**
     * Reads the headers of an adapter's weights.
     *
     * @param tree  where it is
     * @param files its files
     * @return its tensors, without values; empty where its weights are no safetensors files, or damaged ones, of which the pull tells
     */
    static Optional<List<TensorInfo>> tensors(FileTree tree, Collection<FileEntry> files) {
        List<FileEntry> weights = files.stream().filter(file -> isWeights(file.plainName()) && isSafetensors(file.plainName())).toList();
        try {
            return Optional.of(weights.stream().flatMap(file -> RangedHeader.read(file.name(), file.size(), (offset, length) -> tree.read(file, offset, length)).stream()).toList())
                    .filter(tensors -> !weights.isEmpty());
        } catch (MalformedFile e) {
            return Optional.empty();
        }
    }

    /** The weights of a folder: all shards, else the single file, else the pickle. */
    static List<FileEntry> weights(Collection<FileEntry> folder, String place) {
        List<FileEntry> shards = folder.stream().filter(f -> SHARD.matcher(f.plainName()).matches()).sorted(Comparator.comparing(FileEntry::name)).toList();
        Optional<FileEntry> single = named(folder, WEIGHTS);
        if (single.isPresent() || shards.isEmpty()) {
            return single.or(() -> named(folder, PICKLE)).stream().toList();
        }
        Matcher last = SHARD.matcher(shards.getLast().plainName());
        if (!last.matches() || shards.size() != Integer.parseInt(last.group(2)) || named(folder, INDEX).isEmpty()) {
            throw new FerryException("Cannot pull the adapter in " + place + ": its weights are in pieces and some are missing (found "
                    + String.join(", ", shards.stream().map(FileEntry::plainName).toList()) + (named(folder, INDEX).isEmpty() ? ", no index" : "") + ").");
        }
        List<FileEntry> all = new ArrayList<>(shards);
        all.add(named(folder, INDEX).orElseThrow());
        return all;
    }

    /**
     * Chooses the files to pull.
     *
     * @param folders all files by folder; the training's root is the empty name, and tokenizer files may lie there instead
     * @param own     the adapter's own folder
     * @param place   for messages
     * @param most    largest weights file that is believed; a sparse file of terabytes ends here
     * @return files by the name under which they are kept: plain, but for further chat templates and the modules of sentence-transformers, which keep their folder
     * @throws FerryException when one of them must not be fetched
     */
    static Map<String, FileEntry> choose(Map<String, List<FileEntry>> folders, String own, String place, long most) {
        List<FileEntry> folder = folders.get(own);
        List<FileEntry> root = folders.getOrDefault("", List.of());
        Map<String, FileEntry> chosen = new LinkedHashMap<>();
        weights(folder, place).forEach(f -> chosen.put(f.plainName(), f));
        for (String name : READ_BY_MERGE) {
            named(folder, name).or(() -> name.equals(CONFIG) ? Optional.empty() : named(root, name)).ifPresent(f -> chosen.put(name, f));
        }
        Optional.ofNullable(chosen.get("chat_template.jinja")).ifPresent(template -> furtherTemplates(folders, template).forEach(f -> chosen.put(FurtherTemplates.FOLDER + "/" + f.plainName(), f)));
        Optional.ofNullable(chosen.get(SentenceModules.NAME)).ifPresent(modules -> chosen.putAll(modules(folders, modules)));
        for (String name : NOTES) {
            named(folder, name).or(() -> named(root, name)).ifPresent(f -> chosen.put(name, f));
        }
        root.stream().filter(f -> RECIPE.matcher(f.plainName()).matches() && f.size() <= MAX_RECIPE).limit(8).forEach(f -> chosen.putIfAbsent(f.plainName(), f));
        chosen.forEach((name, file) -> {
            long limit = isWeights(name) ? most : Math.min(MAX_OTHER, most);
            if (!file.refusal().isEmpty()) {
                throw new FerryException("Refusing to pull " + file.name() + " from " + place + ": " + file.refusal() + ".");
            }
            if (file.size() > limit) {
                throw new FerryException("Refusing to pull " + file.name() + " from " + place + ": it claims " + file.size() + " bytes, and more than "
                        + limit + " is not believed (source.max-file-size).");
            }
        });
        return chosen;
    }

    private static List<FileEntry> furtherTemplates(Map<String, List<FileEntry>> folders, FileEntry template) {
        String folder = template.folder().isEmpty() ? FurtherTemplates.FOLDER : template.folder() + "/" + FurtherTemplates.FOLDER;
        return folders.getOrDefault(folder, List.of()).stream().filter(f -> FURTHER_TEMPLATE.matcher(FurtherTemplates.FOLDER + "/" + f.plainName()).matches() && f.size() <= MAX_RECIPE)
                .sorted(Comparator.comparing(FileEntry::name)).limit(MOST_TEMPLATES).toList();
    }

    private static Map<String, FileEntry> modules(Map<String, List<FileEntry>> folders, FileEntry modules) {
        String before = modules.folder().isEmpty() ? "" : modules.folder() + "/";
        Map<String, FileEntry> found = new TreeMap<>();
        folders.forEach((folder, files) -> {
            if (folder.startsWith(before)) {
                files.forEach(file -> found.put(folder.substring(before.length()) + "/" + file.plainName(), file));
            }
        });
        found.keySet().removeIf(name -> !MODULE.matcher(name).matches());
        return found;
    }

    static Optional<FileEntry> named(Collection<FileEntry> folder, String plainName) {
        return folder.stream().filter(f -> f.plainName().equals(plainName)).findFirst();
    }
}
