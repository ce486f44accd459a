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
        AdapterConfig config = AdapterConfig.read(adapter);
        Optional<String> declared = config.baseName();
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
        // The adapter's revision is one of the repository that it names, which need not be this one.
        Optional<String> revision = run.model().baseRevision().or(() -> declared.filter(base::equals).flatMap(name -> config.revision()));
        return repositories.find(run, base, revision);
    }

    /** A folder of the configured repository's name is taken for that repository; any other goes by its path, and is compared with what the adapter names. */
    private static String name(RunContext run, Path folder) {
        String path = folder.toAbsolutePath().normalize().toString();
        return MergedModel.configured(run.model()).filter(configured -> BaseIdentity.same(configured, path)).orElse(path);
    }
}
