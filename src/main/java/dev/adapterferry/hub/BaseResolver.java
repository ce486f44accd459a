package dev.adapterferry.hub;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
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
     * Resolves a base.
     *
     * @param base     a folder or {@code org/name}: the command line's, else the settings', else the adapter's own
     * @param revision branch, tag or commit; {@code main} when nobody said
     * @param transfer limit, listener and stop request for a download
     * @throws FerryException    when it is nowhere, or access is refused, with a remedy
     * @throws TransientFailure when the hub does not answer and the cache does not have it
     */
    public Base resolve(String base, String revision, TransferTerms transfer) {
        Path folder = Path.of(base.startsWith("~/") ? System.getProperty("user.home") + base.substring(1) : base);
        if (Files.isDirectory(folder)) {
            if (!Files.isRegularFile(folder.resolve("config.json"))) {
                throw new FerryException("Cannot use " + folder + " as a base: it has no config.json. Name the folder that holds config.json and the weights.");
            }
            return new Base(folder.toAbsolutePath().normalize(), folder.toAbsolutePath().normalize().getFileName().toString(), Optional.empty(), Origin.FOLDER);
        }
        if (!base.matches("[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?") || base.contains("..")) {
            throw new FerryException("There is no base '" + base + "': no such folder here, and no name that a Hugging Face repository can have (org/name).");
        }
        Optional<String> known = cache.commit(base, revision);
        // A commit never changes, so a complete snapshot of it needs no question.
        if (known.isPresent() && (terms.offline() || revision.equals(known.get())) && cache.isUsable(base, known.get())) {
            return new Base(cache.snapshot(base, known.get()), base, known, Origin.CACHE);
        }
        if (terms.offline()) {
            throw new FerryException("The base " + base + " is not complete in " + terms.cache() + ", and the hub must not be asked (hub.offline). "
                    + "Allow it, or name a folder with --base.");
        }
        try {
            return fromHub(base, revision, transfer);
        } catch (TransientFailure e) {
            if (known.isPresent() && cache.isUsable(base, known.get())) {
                LOG.warn("{} Using the cached commit {} of {}.", e.getMessage(), known.get(), base);
                return new Base(cache.snapshot(base, known.get()), base, known, Origin.CACHE);
            }
            throw e;
        }
    }

    private Base fromHub(String base, String revision, TransferTerms transfer) {
        try (HubTree tree = HubTree.open(api.get(), base, revision)) {
            HubVersion version = tree.version();
            List<FileEntry> files = BaseFiles.choose(tree);
            boolean cached = cache.holds(version.repository(), version.commit(), files);
            Path snapshot = cached ? cache.snapshot(version.repository(), version.commit()) : new HubDownload(cache).run(tree, files, transfer);
            cache.remember(version.repository(), revision, version.commit());
            return new Base(snapshot, version.repository(), Optional.of(version.commit()), cached ? Origin.CACHE : Origin.HUB);
        }
    }
}
