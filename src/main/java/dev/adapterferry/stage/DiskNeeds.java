package dev.adapterferry.stage;

import dev.adapterferry.alert.Amounts;
import dev.adapterferry.settings.DeploySettings;
import dev.adapterferry.settings.Settings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

/** What each stage writes, and where; compared with what the disks have free. */
public final class DiskNeeds {
    /**
     * What one stage writes.
     *
     * @param stage   its name
     * @param folder  where
     * @param bytes   how much
     * @param fetched whether it comes over a network
     */
    public record Need(String stage, Path folder, long bytes, boolean fetched) { }

    private final List<Need> needs = new ArrayList<>();

    /** What a stage brings from elsewhere. */
    void fetch(String stage, Path folder, long bytes) {
        needs.add(new Need(stage, folder.toAbsolutePath().normalize(), bytes, true));
    }

    private void add(String stage, Path folder, long bytes) {
        needs.add(new Need(stage, folder.toAbsolutePath().normalize(), bytes, false));
    }

    /** What quantizing and deploying write: a release on the disk of the quantized files shares their bytes. */
    void addOutputs(Settings settings, String model, Forecast forecast) {
        Path made = settings.home().resolve("gguf");
        Path models = ModelsFolder.of(settings, model).path();
        if (settings.merge().save()) {
            add("merge", settings.home().resolve("merged"), forecast.sourceBytes());
        }
        add("quantize", made, forecast.outputBytes());
        boolean shared = settings.deploy().link() != DeploySettings.Link.COPY && store(made).equals(store(models));
        add("deploy", models, shared ? 0 : forecast.outputBytes());
    }

    /** Bytes that are written in all. */
    long total() {
        return needs.stream().mapToLong(Need::bytes).sum();
    }

    /** In the order of the stages. */
    public List<Need> all() {
        return List.copyOf(needs);
    }

    /**
     * What does not fit, in words; empty when all does.
     *
     * @param free bytes that a disk has free
     */
    List<String> shortages(ToLongFunction<FileStore> free) {
        Map<FileStore, Long> byStore = new LinkedHashMap<>();
        Map<FileStore, Path> places = new LinkedHashMap<>();
        for (Need need : needs) {
            FileStore store = store(need.folder());
            byStore.merge(store, need.bytes(), Long::sum);
            places.putIfAbsent(store, need.folder());
        }
        List<String> shortages = new ArrayList<>();
        byStore.forEach((store, bytes) -> {
            long room = free.applyAsLong(store);
            if (bytes > room) {
                shortages.add("the disk of " + places.get(store) + " needs " + Amounts.bytes(bytes) + " and has " + Amounts.bytes(room) + " free");
            }
        });
        return shortages;
    }

    /** The disk of a folder that need not exist yet. */
    private static FileStore store(Path folder) {
        Path there = folder.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        try {
            return Files.getFileStore(there);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
