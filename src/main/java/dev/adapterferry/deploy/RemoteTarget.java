package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A folder on another host, laid out as LM Studio's. Files that are there already with the right digest are not sent again. */
public final class RemoteTarget implements Target {
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
        String place = profile.publisher() + "/" + profile.folder();
        String note = place + "/.release.json";
        try {
            remote.makeDirectories(place);
            List<String> former = noted(note);
            List<Release.File> changed = new ArrayList<>();
            for (Release.File file : release.files()) {
                if (!isThere(place + "/" + file.name(), file)) {
                    send(files.resolve(file.name()), place + "/" + Switch.stagedName(release.number(), file.name()), file);
                    changed.add(file);
                }
            }
            for (Release.File file : changed) {
                remote.rename(place + "/" + Switch.stagedName(release.number(), file.name()), place + "/" + file.name());
            }
            for (String name : former) {
                if (release.files().stream().noneMatch(file -> file.name().equals(name))) {
                    remote.remove(place + "/" + name);
                }
            }
            remote.write(note, ReleaseStore.JSON.writeValueAsString(release));
        } catch (IOException e) {
            throw new TransientFailure("Cannot put release " + release.number() + " of " + release.model() + " to " + remote.name() + ": " + Durable.reason(e) + ".", e);
        }
    }

    @Override
    public void check() {
        try {
            remote.makeDirectories("");
        } catch (IOException e) {
            throw new TransientFailure("Cannot reach " + remote.name() + ": " + Durable.reason(e) + ".", e);
        }
    }

    @Override
    public void remove(ModelProfile profile) {
        String place = profile.publisher() + "/" + profile.folder();
        try {
            for (String name : noted(place + "/.release.json")) {
                remote.remove(place + "/" + name);
            }
            remote.remove(place + "/.release.json");
        } catch (IOException e) {
            throw new TransientFailure("Cannot remove " + profile.model() + " from " + remote.name() + ": " + Durable.reason(e) + ".", e);
        }
    }

    private boolean isThere(String path, Release.File file) throws IOException {
        return remote.size(path).equals(Optional.of(file.bytes())) && remote.sha256(path).equals(Optional.of(file.sha256()));
    }

    private void send(Path local, String staged, Release.File file) throws IOException {
        remote.upload(local, staged);
        Optional<Long> size = remote.size(staged);
        Optional<String> sha256 = remote.sha256(staged);
        if (!size.equals(Optional.of(file.bytes())) || sha256.isPresent() && !sha256.get().equalsIgnoreCase(file.sha256())) {
            remote.remove(staged);
            throw new TransientFailure("Sending " + local + " to " + remote.name() + " went wrong: expected " + file.bytes() + " bytes and SHA-256 " + file.sha256() + ", found "
                    + size.map(bytes -> bytes + " bytes").orElse("no file") + sha256.map(found -> " and " + found).orElse("") + ".");
        }
    }

    private List<String> noted(String note) throws IOException {
        List<String> names = new ArrayList<>();
        Optional<String> text = remote.read(note);
        if (text.isPresent()) {
            for (JsonNode file : ReleaseStore.JSON.readTree(text.get()).path("files")) {
                names.add(ModelFolder.checkName("file", file.path("name").asText()));
            }
        }
        return names;
    }
}
