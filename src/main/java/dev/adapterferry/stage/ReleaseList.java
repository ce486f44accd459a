package dev.adapterferry.stage;

import dev.adapterferry.deploy.ActiveRelease;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** The releases of a model: what the ledger knows of them, and which can be restored. */
public final class ReleaseList {
    private final Ledger ledger;
    private final ReleaseStore store;

    /**
     * A release.
     *
     * @param number   its number; 0 is what lay in the folder before the first deployment
     * @param state    where it stands
     * @param kept     whether it can be restored
     * @param created  when it was deployed
     * @param files    its files; the path is where it was installed, or where it is kept when the ledger has forgotten it
     * @param settings settings it runs with, when known
     * @param adapter  identity of the adapter
     * @param base     the base
     * @param score    result of its evaluation, 0 to 1
     * @param run      run that made it
     */
    public record Line(int number, ReleaseState state, boolean kept, Instant created, List<ReleaseEntry.File> files, Optional<ReleaseSettings> settings, Optional<String> adapter, Optional<String> base,
            OptionalDouble score, Optional<String> run) {
        /** Bytes of all files. */
        public long bytes() {
            return files.stream().mapToLong(ReleaseEntry.File::bytes).sum();
        }
    }

    /**
     * @param ledger knows the releases
     * @param store  keeps their files
     */
    public ReleaseList(Ledger ledger, ReleaseStore store) {
        this.ledger = ledger;
        this.store = store;
    }

    /** All releases of a model, newest first. */
    public List<Line> of(String model) {
        TreeMap<Integer, Line> lines = new TreeMap<>();
        int active = store.active(model).map(ActiveRelease::number).orElse(-1);
        // The ledger forgets after a while what the store still keeps.
        store.releases(model).forEach(release -> lines.put(release.number(), kept(release, release.number() == active)));
        ledger.releases().of(model).forEach(entry -> lines.merge(entry.number(), known(entry, false), (kept, known) -> known(entry, true)));
        return List.copyOf(lines.descendingMap().values());
    }

    private Line kept(Release release, boolean active) {
        List<ReleaseEntry.File> files = release.files().stream()
                .map(f -> new ReleaseEntry.File(f.format(), store.directory(release.model(), release.number()).resolve(f.name()).toString(), f.bytes(), f.sha256())).toList();
        return new Line(release.number(), active ? ReleaseState.ACTIVE : ReleaseState.RETIRED, true, release.time(), files, Optional.empty(), Optional.ofNullable(release.identity().get("adapter")),
                Optional.ofNullable(release.identity().get("base")), OptionalDouble.empty(), Optional.ofNullable(release.identity().get("run")));
    }

    private static Line known(ReleaseEntry entry, boolean kept) {
        return new Line(entry.number(), entry.state(), kept, entry.created(), entry.files(), Optional.of(ReleaseSettings.of(entry)), entry.adapter(), entry.base(), score(entry), entry.run());
    }

    private static OptionalDouble score(ReleaseEntry entry) {
        return entry.scores().map(json -> {
            try {
                double score = Records.JSON.readTree(json).path("score").asDouble(Double.NaN);
                return Double.isNaN(score) ? OptionalDouble.empty() : OptionalDouble.of(score);
            } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                return OptionalDouble.empty();
            }
        }).orElse(OptionalDouble.empty());
    }
}
