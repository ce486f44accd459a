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

/** What each stage writes, and where; compared with what the disks have free. */
public final class DiskNeeds {
    /**
     * What one stage writes.
     *
     * @param stage  its name
     * @param folder where
     * @param bytes  how much
     */
    public record Need(String stage, Path folder, long bytes) { }

    private final List<Need> needs = new ArrayList<>();

    void add(String stage, Path folder, long bytes) {
        needs.add(new Need(stage, folder.toAbsolutePath().normalize(), bytes));
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

    /** In the order of the stages. */
    public List<Need> all() {
        return List.copyOf(needs);
    }

    /** What does not fit, in words; empty when all does. */
    List<String> shortages() {
        Map<FileStore, Long> byStore = new LinkedHashMap<>();
        Map<FileStore, Path> places = new LinkedHashMap<>();
        for (Need need : needs) {
            FileStore store = store(need.folder());
            byStore.merge(store, need.bytes(), Long::sum);
            places.putIfAbsent(store, need.folder());
        }
        List<String> shortages = new ArrayList<>();
        byStore.forEach((store, bytes) -> {
            long free = free(store);
            if (bytes > free) {
                shortages.add("the disk of " + places.get(store) + " needs " + Amounts.bytes(bytes) + " and has " + Amounts.bytes(free) + " free");
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

    private static long free(FileStore store) {
        try {
            return store.getUsableSpace();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
