package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The kept releases, outside the models tree so that LM Studio does not list them: {@code <root>/<model>/<number>/} with
 * the files and their {@code release.json}, and {@code <root>/<model>/current} with the number that is installed.
 * A directory with a number for a name is complete; everything else is scaffolding that may be removed.
 *
 * <p>Where store and models directory share a file system, a kept release costs no space as long as it is installed, and
 * its own size after that. The hard link has one risk: a tool that rewrites an installed file <em>in place</em> changes
 * the kept one too; {@link #verify} notices.
 */
public final class ReleaseStore {
    static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule()).disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .enable(SerializationFeature.INDENT_OUTPUT).disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    private static final String MANIFEST = "release.json";

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

    /** One kept release. */
    public Release get(String model, int number) {
        Path manifest = directory(model, number).resolve(MANIFEST);
        try {
            return JSON.readValue(manifest.toFile(), Release.class);
        } catch (IOException e) {
            throw new FerryException("Release " + number + " of " + model + " is not kept: cannot read " + manifest + ". Kept releases: " + numbers(model) + ".", e);
        }
    }

    /** Number of the installed release. */
    public OptionalInt current(String model) {
        Path current = home(model).resolve("current");
        try {
            return OptionalInt.of(Integer.parseInt(Files.readString(current).strip()));
        } catch (NoSuchFileException e) {
            return OptionalInt.empty();
        } catch (IOException | NumberFormatException e) {
            throw new FerryException("Cannot read the number of the installed release from " + current + ". Write it there, or remove the file and deploy again.", e);
        }
    }

    /** The newest kept release below the installed one: where a rollback goes by default. */
    public OptionalInt previous(String model) {
        OptionalInt current = current(model);
        return current.isEmpty() ? current : numbers(model).stream().mapToInt(Integer::intValue).filter(number -> number < current.getAsInt()).max();
    }

    void setCurrent(String model, int number) {
        Durable.write(home(model).resolve("current"), number + "\n");
    }

    /** Number for the next release: one above the highest ever kept or installed. */
    int nextNumber(String model) {
        int highest = numbers(model).stream().mapToInt(Integer::intValue).max().orElse(0);
        return Math.max(highest, current(model).orElse(0)) + 1;
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
     * Forgets old releases.
     *
     * @param keep how many stay, the installed one included and never removed; at least 1
     * @return numbers removed
     */
    public List<Integer> prune(String model, int keep) {
        OptionalInt current = current(model);
        List<Integer> others = new ArrayList<>(numbers(model).stream().filter(number -> current.isEmpty() || number != current.getAsInt()).toList());
        int room = Math.max(0, keep - (current.isPresent() ? 1 : 0));
        List<Integer> gone = others.subList(0, Math.max(0, others.size() - room));
        for (int number : gone) {
            // Renamed first: a directory with a number for a name is always complete.
            Path trash = home(model).resolve(".trash-" + UUID.randomUUID());
            try {
                Files.move(directory(model, number), trash, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw new FerryException("Cannot remove release " + number + " of " + model + ": " + Durable.reason(e) + ".", e);
            }
            remove(trash);
        }
        return List.copyOf(gone);
    }

    /** Removes what killed processes left. */
    void sweep(String model) {
        children(home(model)).stream().filter(path -> path.getFileName().toString().startsWith(".")).forEach(ReleaseStore::remove);
    }

    private List<Integer> numbers(String model) {
        return children(home(model)).stream().map(path -> path.getFileName().toString()).filter(name -> name.matches("\\d{1,9}"))
                .map(Integer::valueOf).sorted().toList();
    }

    private static List<Path> children(Path directory) {
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
        if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new FerryException("Cannot remove " + tree + ": " + Durable.reason(e) + ".", e);
        }
    }
}
