package dev.adapterferry.stage;

import dev.adapterferry.ledger.StageKey;
import dev.adapterferry.lora.AdapterMerger;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergeRequest;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.settings.MergeSettings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.tensor.Fingerprint;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Opens base and adapter together and proves that they fit; writes the merged checkpoint only when the settings ask for it. */
public final class MergeStage implements StageWork {
    private final BaseFinder bases;

    /** @param bases finds the base checkpoint */
    public MergeStage(BaseFinder bases) {
        this.bases = bases;
    }

    @Override
    public Stage stage() {
        return Stage.MERGE;
    }

    @Override
    public Class<Facts.Merged> facts() {
        return Facts.Merged.class;
    }

    @Override
    public Optional<String> key(RunContext run) {
        Facts.Downloaded downloaded = run.records().get(Stage.DOWNLOAD, Facts.Downloaded.class);
        MergeSettings merge = run.settings().merge();
        MergedModel.Base base = bases.name(run, downloaded.adapter());
        return Optional.of(new StageKey("merge", 1).with("adapter", downloaded.identity()).with("folder", downloaded.adapter()).with("base", identity(run, base)).with("base-folder", base.folder())
                .with("save", merge.save()).with("dtype", merge.dtype()).with("shard", merge.shardSize()).with("mismatch", merge.allowBaseMismatch()).with("allow", merge.allow())
                .with("configured", MergedModel.configured(run.model()).orElse(null)).hex());
    }

    @Override
    public Facts.Merged carry(RunContext run) {
        Facts.Downloaded downloaded = run.records().get(Stage.DOWNLOAD, Facts.Downloaded.class);
        List<MergeInput> inputs = List.of(MergeInput.of(downloaded.adapter()));
        MergedModel.Base base = bases.find(run, downloaded.adapter(), outline -> BaseGate.requireWorth(run, outline, inputs, Set.of()));
        try (MergedCheckpoint merged = MergedModel.open(run, base, inputs, Set.of())) {
            Path saved = null;
            if (run.settings().merge().save()) {
                saved = run.settings().home().resolve("merged").resolve(run.name());
                MergeSettings settings = run.settings().merge();
                MergeRequest request = new MergeRequest(saved, MergedModel.type(settings.dtype()), settings.shardSize().bytes(), MergedModel.threads(run));
                MergeReport report = new AdapterMerger().merge(merged, request, run.progress(), run.cancellation());
                Reports.writeBytes(run.folder().resolve("merge-report.json"), report.toJson());
            }
            return new Facts.Merged(downloaded.adapter(), downloaded.identity(), base.folder(), base.name(), base.commit().orElse(null), identity(run, base),
                    merged.adaptedTensors().size(), merged.warnings(), saved);
        }
    }

    /** A commit says what the base is; without one its files do. */
    private static String identity(RunContext run, MergedModel.Base base) {
        if (base.commit().isPresent()) {
            return base.name() + "@" + base.commit().get();
        }
        StageKey key = new StageKey("base", 1);
        try (dev.adapterferry.tensor.CheckpointFolder folder = dev.adapterferry.tensor.CheckpointFolder.open(base.folder())) {
            List<Path> files = folder.files();
            for (int i = 0; i < files.size(); i++) {
                key.with(Integer.toString(i), Fingerprint.of(files.get(i)));
            }
        }
        return key.hex();
    }

    @Override
    public String summary(Object facts) {
        Facts.Merged merged = (Facts.Merged) facts;
        return merged.tensors() + " tensors of " + merged.baseName() + " adapted, every adapter tensor used once" + (merged.saved() == null ? "" : ", saved in " + merged.saved())
                + (merged.warnings().isEmpty() ? "" : "; note: " + String.join("; ", merged.warnings()));
    }
}
