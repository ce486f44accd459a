package dev.adapterferry.stage;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.ArchitectureCatalog;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.lora.BaseIdentity;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/** Bases that are folders of this machine; everything else is asked of the one behind it. */
public final class LocalBases implements BaseFinder {
    /** Finds bases that are named by their repository. */
    public interface Repositories {
        /**
         * Which commit of a repository it will be.
         *
         * @param run        for settings and cancellation
         * @param repository a repository and what is wanted of it
         */
        MergedModel.Base name(RunContext run, Repository repository);

        /**
         * The same, complete and on this machine.
         *
         * @param run        for progress, settings and cancellation
         * @param repository a repository and what is wanted of it
         * @param judge      sees names and shapes of what has to be downloaded first, and throws to refuse it
         */
        MergedModel.Base find(RunContext run, Repository repository, Consumer<Checkpoint> judge);

        /**
         * Its config.json, and nothing else of it.
         *
         * @param run        for settings and cancellation
         * @param repository a repository and what is wanted of it
         */
        ObjectNode config(RunContext run, Repository repository);

        /**
         * Its configuration and the names and shapes of its tensors; whether there are values too depends on what is here.
         *
         * @param run        for settings and cancellation
         * @param repository a repository and what is wanted of it
         */
        Checkpoint outline(RunContext run, Repository repository);
    }

    /**
     * A base as it is named.
     *
     * @param name     {@code org/name}
     * @param revision commit, tag or branch
     */
    public record Repository(String name, String revision) { }

    private final Repositories repositories;

    /** @param repositories asked for everything that is no folder */
    public LocalBases(Repositories repositories) {
        this.repositories = repositories;
    }

    @Override
    public MergedModel.Base name(RunContext run, Path adapter) {
        return locate(run, Optional.of(AdapterConfig.read(adapter)), folder -> base(run, folder), repository -> repositories.name(run, repository));
    }

    @Override
    public MergedModel.Base find(RunContext run, Path adapter, Consumer<Checkpoint> judge) {
        return locate(run, Optional.of(AdapterConfig.read(adapter)), folder -> base(run, folder), repository -> repositories.find(run, repository, judge));
    }

    /**
     * Names and shapes of the base of an adapter that is still elsewhere.
     *
     * @param adapter its configuration
     * @return the base, to be closed; without values where it is not here
     */
    Checkpoint outline(RunContext run, AdapterConfig adapter) {
        return locate(run, Optional.of(adapter), folder -> CheckpointFolder.open(folder, folderName(run, folder)), repository -> repositories.outline(run, repository));
    }

    /**
     * Looks at the base of a run while its adapter is still elsewhere: what could not be converted in the end is refused at once. Of a
     * repository config.json alone is read.
     *
     * @param run     what was asked for and configured
     * @param adapter the adapter's configuration, where it is known
     * @throws dev.adapterferry.failure.FerryException when nobody names a base, it cannot be had, or its architecture is not known
     */
    void requireConvertible(RunContext run, Optional<AdapterConfig> adapter) {
        Named config = locate(run, adapter, folder -> {
            try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
                return new Named(checkpoint.name(), checkpoint.config());
            }
        }, repository -> new Named(repository.name(), repositories.config(run, repository)));
        ArchitectureCatalog.builtIn().check(config.config(), config.name());
    }

    /** A configuration and whose it is. */
    private record Named(String name, ObjectNode config) { }

    /** Whether request or settings name the base; if not, the adapter must. */
    static boolean isNamed(RunContext run) {
        return named(run).isPresent();
    }

    private static Optional<String> named(RunContext run) {
        return Optional.ofNullable(run.request().base()).or(() -> run.model().base());
    }

    /** The base that is a folder. */
    static MergedModel.Base base(RunContext run, Path folder) {
        return new MergedModel.Base(folder.toAbsolutePath().normalize(), folderName(run, folder), Optional.empty());
    }

    /**
     * Finds out who names the base and what kind of name it is.
     *
     * @param config    what is known of the adapter
     * @param here      answers for a folder
     * @param elsewhere answers for a repository
     */
    static <T> T locate(RunContext run, Optional<AdapterConfig> config, Function<Path, T> here, Function<Repository, T> elsewhere) {
        String base = named(run).or(() -> config.flatMap(AdapterConfig::baseName).map(BaseIdentity::sixteenBit)).orElseThrow(() -> new SettingsException("Cannot tell the base of " + run.name()
                + ": " + (config.isPresent() ? "its adapter_config.json names none" : "neither settings nor command line name it, and the adapter is not here")
                + ". Set models." + run.name() + ".base, or say --base DIR|ID."));
        Path folder = folder(base);
        if (Files.isDirectory(folder)) {
            return here.apply(folder);
        }
        if (base.startsWith("/") || base.startsWith(".") || base.startsWith("~")) {
            throw new SettingsException("Cannot find the base of " + run.name() + ": there is no folder " + folder + ".");
        }
        int at = base.indexOf('@');
        String repository = at < 0 ? base : base.substring(0, at);
        return elsewhere.apply(new Repository(repository, at < 0 ? revision(run, repository, config) : base.substring(at + 1)));
    }

    private static Path folder(String base) {
        return Path.of(base.replaceFirst("^~(?=/)", System.getProperty("user.home")));
    }

    /** The settings' revision belongs to the settings' base, the adapter's to the adapter's. */
    private static String revision(RunContext run, String repository, Optional<AdapterConfig> config) {
        boolean other = run.request().base() != null && !Optional.of(repository).equals(run.model().base());
        return run.model().baseRevision().filter(r -> !other).or(() -> config.filter(c -> c.baseName().equals(Optional.of(repository))).flatMap(AdapterConfig::revision)).orElse("main");
    }

    /** A folder of the configured repository's name is taken for that repository; any other goes by its path, and is compared with what the adapter names. */
    private static String folderName(RunContext run, Path folder) {
        String path = folder.toAbsolutePath().normalize().toString();
        return MergedModel.configured(run.model()).filter(configured -> BaseIdentity.same(configured, path)).orElse(path);
    }
}
