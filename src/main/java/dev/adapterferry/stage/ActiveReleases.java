package dev.adapterferry.stage;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What is deployed, as the ledger knows it and in the words of the deploy stage. */
public final class ActiveReleases {
    private final Settings settings;
    private final Ledger ledger;

    /**
     * @param settings name the models
     * @param ledger   knows their releases
     */
    public ActiveReleases(Settings settings, Ledger ledger) {
        this.settings = settings;
        this.ledger = ledger;
    }

    /** Names of the models that have an active release and still are in the settings. */
    public List<String> models() {
        return ledger.releases().active().stream().map(ReleaseEntry::model).filter(settings.models()::containsKey).toList();
    }

    /** The active release of a model. */
    public Optional<Facts.Deployed> find(String model) {
        return ledger.releases().active(model).map(this::deployed);
    }

    private Facts.Deployed deployed(ReleaseEntry entry) {
        List<Facts.Gguf> files = entry.files().stream().map(f -> new Facts.Gguf(f.format(), new Facts.Item(Path.of(f.path()), f.bytes(), f.sha256()))).toList();
        ReleaseSettings with = ReleaseSettings.of(entry);
        String primary = files.stream().map(Facts.Gguf::format).filter(format -> format.equalsIgnoreCase(with.primaryFormat())).findFirst().orElse(files.getFirst().format());
        return new Facts.Deployed(entry.number(), files.getFirst().item().path().getParent(), files, primary, null, with.modelId(), null);
    }
}
