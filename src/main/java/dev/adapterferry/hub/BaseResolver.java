package dev.adapterferry.hub;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds a base checkpoint in the nearest place that has it: a folder, the cache shared with the Python tools, the hub. A
 * branch is resolved to a commit once, and everything else goes by that commit.
 */
public final class BaseResolver {
    private static final Logger LOG = LoggerFactory.getLogger(BaseResolver.class);

    private final HubTerms terms;
    private final Supplier<HubApi> api;
    private final HubCache cache;

    /**
     * @param terms which hub, which cache
     * @param api   makes the client, when the hub is needed at all
     */
    public BaseResolver(HubTerms terms, Supplier<HubApi> api) {
        this.terms = terms;
        this.api = api;
        this.cache = new HubCache(terms.cache());
    }

    /** Where a base was found. */
    public enum Origin {
        /** A folder that was named. */
        FOLDER,
        /** The cache had all of it. */
        CACHE,
        /** At least one file was downloaded. */
        HUB
    }

    /**
     * A base on this machine.
     *
     * @param folder     its folder; in the cache a snapshot of links
     * @param name       {@code org/name}, or the folder's own name
     * @param commit     the commit that it is pinned to, empty for a folder
     * @param origin     where it was found
     */
    public record Base(Path folder, String name, Optional<String> commit, Origin origin) { }

    /**
     * A base that was found but need not be here yet.
     *
     * @param base    what {@link #bring} will give; its folder may still lack files
     * @param version the commit's files as the hub lists them; empty when nothing has to be asked of the hub any more
     */
    public record Pin(Base base, Optional<HubVersion> version) { }

    /**
     * Resolves a base and brings it here.
     *
     * @param base     a folder or {@code org/name}: the command line's, else the settings', else the adapter's own
     * @param revision branch, tag or commit; {@code main} when nobody said
     * @param transfer limit, listener and stop request for a download
     * @throws FerryException    when it is nowhere, or access is refused, with a remedy
     * @throws TransientFailure when the hub does not answer and the cache does not have it
     */
    public Base resolve(String base, String revision, TransferTerms transfer) {
        return bring(pin(base, revision), transfer);
    }

    /**
     * Finds out which base is meant, down to its commit, with one small question to the hub at most.
     *
     * @param base     as for {@link #resolve}
     * @param revision as for {@link #resolve}
     */
    public Pin pin(String base, String revision) {
        Path folder = Path.of(base.startsWith("~/") ? System.getProperty("user.home") + base.substring(1) : base);
        if (Files.isDirectory(folder)) {
            if (!Files.isRegularFile(folder.resolve("config.json"))) {
                throw new FerryException("Cannot use " + folder + " as a base: it has no config.json. Name the folder that holds config.json and the weights.");
            }
            Path whole = folder.toAbsolutePath().normalize();
            return new Pin(new Base(whole, whole.getFileName().toString(), Optional.empty(), Origin.FOLDER), Optional.empty());
        }
        if (!base.matches("[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?") || base.contains("..")) {
            throw new FerryException("There is no base '" + base + "': no such folder here, and no name that a Hugging Face repository can have (org/name). Name one or the other.");
        }
        Optional<String> known = cache.commit(base, revision);
        if (terms.offline()) {
            return cached(base, known).orElseThrow(() -> new FerryException("The base " + base + " is not complete in " + terms.cache()
                    + ", and the hub must not be asked (hub.offline). Allow it, or name a folder with --base."));
        }
        try {
            HubVersion version = api.get().version(base, revision);
            return new Pin(new Base(cache.snapshot(base, version.commit()), base, Optional.of(version.commit()), Origin.HUB), Optional.of(version));
        } catch (TransientFailure e) {
            Pin instead = cached(base, known).orElseThrow(() -> e);
            LOG.warn("{} Using the cached commit {} of {}.", e.getMessage(), known.orElseThrow(), base);
            return instead;
        }
    }

    private Optional<Pin> cached(String base, Optional<String> commit) {
        return commit.filter(c -> cache.isUsable(base, c)).map(c -> new Pin(new Base(cache.snapshot(base, c), base, commit, Origin.CACHE), Optional.empty()));
    }

    /**
     * Reads config.json of a base, some kilobytes, and nothing else of it.
     *
     * @param pin which one
     * @throws FerryException    when it has none
     * @throws TransientFailure when the hub does not answer
     */
    public ObjectNode config(Pin pin) {
        Path here = pin.base().folder().resolve("config.json");
        if (pin.version().isEmpty() || Files.isRegularFile(here)) {
            return CheckpointFolder.readObject(here);
        }
        try (HubTree tree = new HubTree(api.get(), pin.version().get())) {
            return RemoteCheckpoint.config(tree, BaseFiles.config(tree));
        }
    }

    /**
     * Looks at a base without downloading it: what is missing, and of what is missing the configuration and the tensors' names and shapes.
     *
     * @param pin which one
     * @throws FerryException    when it is no base in safetensors
     * @throws TransientFailure when the hub does not answer
     */
    public BaseGlance glance(Pin pin) {
        if (pin.version().isEmpty()) {
            return new BaseGlance(pin.base(), 0, 0, Optional.empty());
        }
        HubVersion version = pin.version().get();
        try (HubTree tree = new HubTree(api.get(), version)) {
            List<FileEntry> files = BaseFiles.choose(tree);
            List<FileEntry> missing = files.stream().filter(file -> !cache.holds(version.repository(), version.commit(), List.of(file))).toList();
            if (missing.isEmpty()) {
                return new BaseGlance(new Base(pin.base().folder(), pin.base().name(), pin.base().commit(), Origin.CACHE), 0, 0, Optional.empty());
            }
            return new BaseGlance(pin.base(), missing.size(), missing.stream().mapToLong(FileEntry::size).sum(), Optional.of(new RemoteCheckpoint(tree, files)));
        }
    }

    /**
     * Downloads what is missing of a base.
     *
     * @param pin      which one
     * @param transfer limit, listener and stop request
     * @return the same base, complete
     */
    public Base bring(Pin pin, TransferTerms transfer) {
        if (pin.version().isEmpty()) {
            return pin.base();
        }
        HubVersion version = pin.version().get();
        try (HubTree tree = new HubTree(api.get(), version)) {
            List<FileEntry> files = BaseFiles.choose(tree);
            boolean here = cache.holds(version.repository(), version.commit(), files);
            if (!here) {
                new HubDownload(cache).run(tree, files, transfer);
            }
            cache.remember(version.repository(), version.revision(), version.commit());
            return new Base(pin.base().folder(), pin.base().name(), pin.base().commit(), here ? Origin.CACHE : Origin.HUB);
        } catch (TransientFailure e) {
            if (cache.isUsable(version.repository(), version.commit())) {
                LOG.warn("{} The cached snapshot of {} will do.", e.getMessage(), pin.base().name());
                return pin.base();
            }
            throw e;
        }
    }
}
