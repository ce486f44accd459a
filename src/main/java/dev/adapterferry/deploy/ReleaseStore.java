package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Folders;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The kept releases, outside the models tree so that LM Studio does not list them: {@code <root>/<model>/<number>/} with
 * the files and their {@code release.json}, and {@code <root>/<model>/active.json}, which says what is installed where.
 * A directory with a number for a name is complete; one without the mark {@code installed} never reached a models
 * directory and is removed with the other scaffolding of killed processes.
 *
 * <p>Where store and models directory share a file system, a kept release costs no space as long as it is installed, and
 * its own size after that. The hard link has one risk: a tool that rewrites an installed file <em>in place</em> changes
 * the kept one too; {@link #verify} notices.
 */
public final class ReleaseStore {
    static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule()).disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .enable(SerializationFeature.INDENT_OUTPUT).disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    private static final String MANIFEST = "release.json";
    private static final String MARK = "installed";
    private static final String UNSETTLED = "unsettled";

    private final Path root;

    /** @param root directory of the store; made when it is missing */
    public ReleaseStore(Path root) {
        this.root = root.toAbsolutePath().normalize();
    }

    /** Directory of the store. */
    public Path root() {
        return root;
    }

    /** Refuses a store inside a models directory: LM Studio would list every kept release as a model. */
    void checkOutside(Path models) {
        if (root.startsWith(models.toAbsolutePath().normalize())) {
            throw new SettingsException("The release store " + root + " lies inside the models directory " + models + ", where LM Studio would list kept releases as models. Set it elsewhere.");
        }
    }

    /** Everything kept of one model. */
    Path home(String model) {
        return root.resolve(ModelFolder.checkName("model", model));
    }

    /** Directory of one release. */
    public Path directory(String model, int number) {
        return home(model).resolve(Integer.toString(number));
    }

    /** Names of all models with something kept, sorted. */
    public List<String> models() {
        return children(root).stream().filter(Files::isDirectory).map(path -> path.getFileName().toString()).sorted().toList();
    }

    /** Kept releases of a model, oldest first. */
    public List<Release> releases(String model) {
        return numbers(model).stream().map(number -> get(model, number)).toList();
    }

    /** Whether a release is kept. */
    public boolean has(String model, int number) {
        return Files.exists(directory(model, number).resolve(MANIFEST));
    }

    /** One kept release. */
    public Release get(String model, int number) {
        Path manifest = directory(model, number).resolve(MANIFEST);
        try {
            return JSON.readValue(manifest.toFile(), Release.class);
        } catch (IOException e) {
            throw new FerryException("Release " + number + " of " + model + " is not kept: cannot read " + manifest + ". Kept releases: " + numbers(model) + ".", e);
        }
    }

    /** What is installed of a model. */
    public Optional<ActiveRelease> active(String model) {
        Path file = home(model).resolve("active.json");
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(JSON.readValue(file.toFile(), ActiveRelease.class));
        } catch (IOException e) {
            throw new FerryException("Cannot read which release of " + model + " is installed from " + file + ". Remove the file and deploy again.", e);
        }
    }

    /** Where a rollback goes by default: the release that was active before this one and is still kept. */
    public OptionalInt previous(String model) {
        List<Integer> kept = numbers(model);
        return active(model).map(ActiveRelease::trail).orElse(List.of()).reversed().stream().filter(kept::contains).mapToInt(Integer::intValue).findFirst();
    }

    /** Notes that a release is installed now. */
    void activate(String model, int number, String folder) {
        Path mark = directory(model, number).resolve(MARK);
        try {
            if (Files.isDirectory(mark.getParent()) && !Files.exists(mark)) {
                Files.createFile(mark);
            }
            ActiveRelease next = active(model).map(active -> active.then(number, folder)).orElse(new ActiveRelease(number, folder, List.of()));
            Durable.write(home(model).resolve("active.json"), JSON.writeValueAsString(next));
        } catch (IOException e) {
            throw new FerryException("Cannot note that release " + number + " of " + model + " is installed: " + Durable.reason(e) + ".", e);
        }
    }

    /** Notes that nothing is installed any more. */
    void deactivate(String model) throws IOException {
        Files.deleteIfExists(home(model).resolve("active.json"));
    }

    /** Notes that what is installed of a model may change from now on, so that a ledger may not know of it. */
    void unsettle(String model) {
        try {
            Files.createDirectories(home(model));
            Files.write(home(model).resolve(UNSETTLED), new byte[0]);
        } catch (IOException e) {
            throw new FerryException("Cannot write to " + home(model) + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Whether the ledger may not know yet what is installed: the process that was to write it down may have been killed. */
    public boolean isUnsettled(String model) {
        return Files.exists(home(model).resolve(UNSETTLED));
    }

    /** Notes that the ledger knows what is installed. */
    public void settle(String model) {
        try {
            Files.deleteIfExists(home(model).resolve(UNSETTLED));
        } catch (IOException e) {
            throw new FerryException("Cannot write to " + home(model) + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Number for the next release: one above the highest ever kept or installed. */
    int nextNumber(String model) {
        int highest = numbers(model).stream().mapToInt(Integer::intValue).max().orElse(0);
        return Math.max(highest, active(model).map(ActiveRelease::number).orElse(0)) + 1;
    }

    /** Keeps files as a release; appears complete or not at all. */
    void add(Release release, List<Path> sources, Placement placement) {
        Path home = home(release.model());
        Path staging = home.resolve(".staging-" + UUID.randomUUID());
        try {
            Files.createDirectories(staging);
            for (int i = 0; i < sources.size(); i++) {
                placement.place(sources.get(i), staging.resolve(release.files().get(i).name()), release.files().get(i).sha256());
            }
            Durable.write(staging.resolve(MANIFEST), JSON.writeValueAsString(release));
            for (Release.File file : release.files()) {
                Durable.force(staging.resolve(file.name()));
            }
            Durable.forceDirectory(staging);
            Files.move(staging, directory(release.model(), release.number()), StandardCopyOption.ATOMIC_MOVE);
            Durable.forceDirectory(home);
        } catch (IOException e) {
            throw new FerryException("Cannot keep release " + release.number() + " of " + release.model() + " in " + home + ": " + Durable.reason(e) + ".", e);
        } finally {
            remove(staging);
        }
    }

    /**
     * Checks that a kept release is whole: sizes always, digests where a file was touched after it was kept.
     *
     * @param release  the release
     * @param thorough compare every digest, which reads every byte
     */
    public void verify(Release release, boolean thorough) {
        Path directory = directory(release.model(), release.number());
        for (Release.File file : release.files()) {
            Path path = directory.resolve(file.name());
            try {
                boolean touched = Files.getLastModifiedTime(path).toInstant().isAfter(release.time());
                if (Files.size(path) != file.bytes() || (thorough || touched) && !Sha256.of(path).equals(file.sha256())) {
                    throw new FerryException("Release " + release.number() + " of " + release.model() + " cannot be restored: " + path
                            + " is not what was kept (" + file.bytes() + " bytes, SHA-256 " + file.sha256() + "). Choose another release.");
                }
            } catch (IOException e) {
                throw new FerryException("Release " + release.number() + " of " + release.model() + " cannot be restored: " + Durable.reason(e) + ".", e);
            }
        }
    }

    /**
     * Forgets old releases. The installed one stays, then those that a rollback would go to, then the newest others.
     *
     * @param keep how many stay, the installed one included; at least 1
     * @return numbers removed
     */
    public List<Integer> prune(String model, int keep) {
        List<Integer> kept = numbers(model);
        Set<Integer> order = new LinkedHashSet<>();
        active(model).ifPresent(active -> {
            order.add(active.number());
            order.addAll(active.trail().reversed());
        });
        order.addAll(kept.reversed());
        order.retainAll(kept);
        List<Integer> gone = order.stream().skip(Math.max(1, keep)).sorted().toList();
        gone.forEach(number -> discard(model, number));
        return gone;
    }

    /** Removes what killed processes left. */
    void sweep(String model) {
        children(home(model)).stream().filter(path -> path.getFileName().toString().startsWith(".")).forEach(ReleaseStore::remove);
        numbers(model).stream().filter(number -> !Files.exists(directory(model, number).resolve(MARK))).forEach(number -> discard(model, number));
    }

    private void discard(String model, int number) {
        // Renamed first: a directory with a number for a name is always complete.
        Path trash = home(model).resolve(".trash-" + UUID.randomUUID());
        try {
            Files.move(directory(model, number), trash, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new FerryException("Cannot remove release " + number + " of " + model + ": " + Durable.reason(e) + ".", e);
        }
        remove(trash);
    }

    private List<Integer> numbers(String model) {
        return children(home(model)).stream().map(path -> path.getFileName().toString()).filter(name -> name.matches("\\d{1,9}"))
                .map(Integer::valueOf).sorted().toList();
    }

    /** Entries of a directory, none when it is missing. */
    static List<Path> children(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(directory)) {
            return children.toList();
        } catch (IOException e) {
            throw new FerryException("Cannot list " + directory + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static void remove(Path tree) {
        try {
            Folders.delete(tree);
        } catch (IOException e) {
            throw new FerryException("Cannot remove " + tree + ": " + Durable.reason(e) + ".", e);
        }
    }
}
