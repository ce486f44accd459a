package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder on another host, laid out as LM Studio's. Files that are there already with the right digest are not sent again, and one
 * that was half sent is sent from where it ended: it waits under a name made of its digest, which no release shares. What was sent is
 * verified as a whole before it gets its name: by a digest that the host computes, or by reading it back where it computes none.
 *
 * <p>SFTP renames single files only, so a kill between two renames leaves complete files of both releases until the next deployment.
 */
public final class RemoteTarget implements Target {
    private static final Logger LOG = LoggerFactory.getLogger(RemoteTarget.class);
    private static final String NOTE = ".release.json";
    private static final Pattern WAITING = Pattern.compile("\\..+\\.[0-9a-f]{12}\\.part|\\..+\\.gguf\\.\\d+\\.part");
    /** Broken connections in a row, without a byte sent between them, after which a file is given up. */
    private static final int ATTEMPTS = 3;

    private final RemoteFolder remote;

    /** @param remote the folder there */
    public RemoteTarget(RemoteFolder remote) {
        this.remote = remote;
    }

    @Override
    public String name() {
        return remote.name();
    }

    @Override
    public void put(Release release, Path files, ModelProfile profile) {
        String place = profile.publisher() + "/" + profile.folder() + "/";
        try {
            remote.makeDirectories(profile.publisher() + "/" + profile.folder());
            Map<String, String> former = noted(place + NOTE);
            List<Release.File> changed = new ArrayList<>();
            for (Release.File file : release.files()) {
                if (!isThere(place + file.name(), file, former)) {
                    send(files.resolve(file.name()), place + waiting(file), file);
                    changed.add(file);
                }
            }
            for (Release.File file : changed) {
                remote.rename(place + waiting(file), place + file.name());
            }
            for (String name : former.keySet()) {
                if (release.files().stream().noneMatch(file -> file.name().equals(name))) {
                    remote.remove(place + name);
                }
            }
            remote.write(place + NOTE, ReleaseStore.JSON.writeValueAsString(release));
            // Not when an older release only stays: what waits for the failed one is what its next attempt goes on with.
            for (String left : changed.isEmpty() ? List.<String>of() : remote.list(profile.publisher() + "/" + profile.folder())) {
                if (WAITING.matcher(left).matches()) {
                    remote.remove(place + left);
                }
            }
        } catch (IOException e) {
            throw failure("put release " + release.number() + " of " + release.model() + " to " + remote.name(), e);
        }
    }

    @Override
    public void check() {
        try {
            remote.makeDirectories("");
        } catch (IOException e) {
            throw failure("reach " + remote.name(), e);
        }
    }

    @Override
    public void remove(ModelProfile profile) {
        String place = profile.publisher() + "/" + profile.folder() + "/";
        try {
            for (String name : noted(place + NOTE).keySet()) {
                remote.remove(place + name);
            }
            remote.remove(place + NOTE);
        } catch (IOException e) {
            throw failure("remove " + profile.model() + " from " + remote.name(), e);
        }
    }

    private static TransientFailure failure(String act, IOException e) {
        // A request to stop closes the connection, and what that breaks is no failure.
        Cancellation.current().check(act);
        return new TransientFailure("Cannot " + act + ": " + Durable.reason(e) + ".", e);
    }

    /** Name of a file while it is sent: hidden, and no {@code .gguf}. */
    static String waiting(Release.File file) {
        return "." + file.name() + "." + file.sha256().substring(0, 12) + ".part";
    }

    /** Where the host computes no digests, a file of the right size is believed to be the one that the note says was verified there. */
    private boolean isThere(String path, Release.File file, Map<String, String> noted) throws IOException {
        if (!remote.size(path).equals(Optional.of(file.bytes()))) {
            return false;
        }
        Optional<String> sha256 = remote.sha256(path);
        return sha256.isPresent() ? sha256.get().equalsIgnoreCase(file.sha256()) : file.sha256().equals(noted.get(file.name()));
    }

    private void send(Path local, String waiting, Release.File file) throws IOException {
        long already = remote.size(waiting).filter(size -> size <= file.bytes()).orElse(0L);
        if (already > 0) {
            LOG.info("{} of the {} bytes of {} are at {} already; the rest is sent", already, file.bytes(), local.getFileName(), remote.name());
        }
        upload(local, waiting, already, file);
        String found = found(waiting, file);
        if (found.isEmpty()) {
            return;
        }
        if (already > 0) {
            // What was there was another file's beginning, or damaged.
            LOG.warn("{} at {} is not what was to be sent ({}), so it is sent again from its beginning", waiting, remote.name(), found);
            upload(local, waiting, 0, file);
            found = found(waiting, file);
        }
        if (!found.isEmpty()) {
            remote.remove(waiting);
            throw new TransientFailure("Sending " + local + " to " + remote.name() + " went wrong: expected " + file.bytes() + " bytes and SHA-256 " + file.sha256() + ", found " + found + ".");
        }
    }

    /** Sends a file, going on after broken connections as long as each brings it further. */
    private void upload(Path local, String waiting, long from, Release.File file) throws IOException {
        long at = from;
        for (int failures = 0; ; ) {
            try {
                if (at < file.bytes() || from == 0) {
                    remote.upload(local, waiting, at);
                }
                return;
            } catch (IOException e) {
                Cancellation.current().check("send " + local.getFileName() + " to " + remote.name());
                long reached = reached(waiting, file, e);
                failures = reached > at ? 0 : failures + 1;
                if (failures >= ATTEMPTS) {
                    throw e;
                }
                LOG.warn("Sending {} to {} broke off after {} of {} bytes ({}); going on from there", local.getFileName(), remote.name(), reached, file.bytes(), Durable.reason(e));
                at = reached;
            }
        }
    }

    /** Bytes that arrived before a connection broke. */
    private long reached(String waiting, Release.File file, IOException broken) throws IOException {
        try {
            return remote.size(waiting).filter(size -> size <= file.bytes()).orElse(0L);
        } catch (IOException | FerryException e) {
            broken.addSuppressed(e);
            throw broken;
        }
    }

    /** Empty when the file there is the wanted one, else what it is. */
    private String found(String path, Release.File file) throws IOException {
        Optional<Long> size = remote.size(path);
        if (!size.equals(Optional.of(file.bytes()))) {
            return size.map(bytes -> bytes + " bytes").orElse("no file");
        }
        Optional<String> computed = remote.sha256(path);
        if (computed.isEmpty()) {
            LOG.info("{} computes no digests, so {} is read back to verify it", remote.name(), path);
        }
        String sha256 = computed.isPresent() ? computed.get() : remote.readBack(path);
        return sha256.equalsIgnoreCase(file.sha256()) ? "" : "SHA-256 " + sha256;
    }

    /** Names and digests of the files that the last release put there. */
    private Map<String, String> noted(String note) throws IOException {
        Map<String, String> files = new LinkedHashMap<>();
        Optional<String> text = remote.read(note);
        if (text.isPresent()) {
            for (JsonNode file : ReleaseStore.JSON.readTree(text.get()).path("files")) {
                files.put(ModelFolder.checkName("file", file.path("name").asText()), file.path("sha256").asText());
            }
        }
        return files;
    }
}
