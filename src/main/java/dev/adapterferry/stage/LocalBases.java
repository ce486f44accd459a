package dev.adapterferry.stage;

import dev.adapterferry.convert.ArchitectureCatalog;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.lora.BaseIdentity;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
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
         */
        MergedModel.Base find(RunContext run, Repository repository);
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
        return name(run, Optional.of(AdapterConfig.read(adapter)));
    }

    /**
     * The same without an adapter, when request or settings name the base.
     *
     * @param adapter what is known of the adapter
     */
    MergedModel.Base name(RunContext run, Optional<AdapterConfig> adapter) {
        return locate(run, adapter, repository -> repositories.name(run, repository));
    }

    @Override
    public MergedModel.Base find(RunContext run, Path adapter) {
        return locate(run, Optional.of(AdapterConfig.read(adapter)), repository -> repositories.find(run, repository));
    }

    private static MergedModel.Base locate(RunContext run, Optional<AdapterConfig> config, Function<Repository, MergedModel.Base> elsewhere) {
        Optional<String> named = Optional.ofNullable(run.request().base()).or(() -> run.model().base());
        String base = named.or(() -> config.flatMap(AdapterConfig::baseName).map(BaseIdentity::sixteenBit)).orElseThrow(() -> new SettingsException("Cannot tell the base of " + run.name()
                + ": " + (config.isPresent() ? "its adapter_config.json names none" : "neither settings nor command line name it, and the adapter is not here")
                + ". Set models." + run.name() + ".base, or say --base DIR|ID."));
        Path folder = folder(base);
        if (Files.isDirectory(folder)) {
            return new MergedModel.Base(folder.toAbsolutePath().normalize(), folderName(run, folder), Optional.empty());
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

    /**
     * Looks at the base of a run before its adapter is transferred, where request or settings name a folder: what could not be converted in
     * the end is refused at once.
     *
     * @throws dev.adapterferry.failure.FerryException when the folder is no checkpoint, or its architecture is not known
     */
    static void requireConvertible(RunContext run) {
        Optional.ofNullable(run.request().base()).or(() -> run.model().base()).map(LocalBases::folder).filter(Files::isDirectory).ifPresent(folder -> {
            try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
                ArchitectureCatalog.builtIn().check(checkpoint.config(), checkpoint.name());
            }
        });
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
