package dev.adapterferry.stage;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.lora.BaseIdentity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Bases that are folders of this machine; everything else is asked of the one behind it. */
public final class LocalBases implements BaseFinder {
    /** Finds a base that is named by its repository. */
    @FunctionalInterface
    public interface Repositories {
        /**
         * @param run        for progress, settings and cancellation
         * @param repository {@code org/name}
         * @param revision   commit, tag or branch, where one is named
         */
        MergedModel.Base find(RunContext run, String repository, Optional<String> revision);
    }

    private final Repositories repositories;

    /** @param repositories asked for everything that is no folder */
    public LocalBases(Repositories repositories) {
        this.repositories = repositories;
    }

    @Override
    public MergedModel.Base find(RunContext run, Path adapter) {
        Optional<String> declared = AdapterConfig.read(adapter).baseName();
        Optional<String> named = Optional.ofNullable(run.request().base()).or(() -> run.model().base());
        String base = named.or(() -> declared.map(BaseIdentity::sixteenBit)).orElseThrow(() -> new SettingsException("Cannot tell the base of " + run.name()
                + ": its adapter_config.json names none. Set models." + run.name() + ".base, or say --base DIR."));
        Path folder = Path.of(base.replaceFirst("^~(?=/)", System.getProperty("user.home")));
        if (Files.isDirectory(folder)) {
            return new MergedModel.Base(folder.toAbsolutePath().normalize(), name(run, folder), Optional.empty());
        }
        if (base.startsWith("/") || base.startsWith(".") || base.startsWith("~")) {
            throw new SettingsException("Cannot find the base of " + run.name() + ": there is no folder " + folder + ".");
        }
        return repositories.find(run, base, run.model().baseRevision());
    }

    /** A folder given for this run stands for the base that the settings name; else the folder's own name tells. */
    private static String name(RunContext run, Path folder) {
        Optional<String> configured = run.model().base().filter(b -> !Files.isDirectory(Path.of(b)));
        return run.request().base() != null && configured.isPresent() ? configured.get() : folder.toAbsolutePath().normalize().toString();
    }
}
