package dev.adapterferry.stage;

import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.deploy.Installation;
import dev.adapterferry.deploy.Placement;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.settings.DeploySettings;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.StageKey;
import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Installs the quantized files as the model's next release. */
public final class DeployStage implements StageWork {
    private final Ledger ledger;

    /** @param ledger is told of the release */
    public DeployStage(Ledger ledger) {
        this.ledger = ledger;
    }

    @Override
    public Stage stage() {
        return Stage.DEPLOY;
    }

    @Override
    public Class<Facts.Deployed> facts() {
        return Facts.Deployed.class;
    }

    @Override
    public Optional<String> key(RunContext run) {
        Facts.Quantized made = run.records().get(Stage.QUANTIZE, Facts.Quantized.class);
        StageKey key = new StageKey("deploy", 1).with("folder", ModelsFolder.of(run.settings(), run.name()).path()).with("primary", primary(run.model(), made));
        made.files().forEach(f -> key.with(f.format(), f.item().sha256()));
        return Optional.of(key.hex());
    }

    @Override
    public Facts.Deployed carry(RunContext run) {
        Facts.Quantized made = run.records().get(Stage.QUANTIZE, Facts.Quantized.class);
        List<Candidate.Item> items = made.files().stream().map(f -> Candidate.Item.of(f.item().path(), f.format(), f.item().sha256())).toList();
        Installation.Installed installed = installation(run).install(new Candidate(run.name(), items, made.identity()));
        List<Facts.Gguf> files = new ArrayList<>();
        for (int i = 0; i < installed.files().size(); i++) {
            Facts.Gguf source = made.files().get(i);
            files.add(new Facts.Gguf(source.format(), new Facts.Item(installed.files().get(i), source.item().bytes(), source.item().sha256())));
        }
        List<ReleaseEntry.File> entries = files.stream().map(f -> new ReleaseEntry.File(f.format(), f.item().path().toString(), f.item().bytes(), f.item().sha256())).toList();
        ledger.releases().installed(run.name(), installed.release().number(), entries, describe(run.model()), made.identity().get("adapter"), made.identity().get("base"), run.id());
        Path folder = installed.files().getFirst().getParent();
        return new Facts.Deployed(installed.release().number(), folder, files, primary(run.model(), made),
                installed.previous().isPresent() ? installed.previous().getAsInt() : null);
    }

    /** The settings that a release was made with, as far as clients need them again. */
    private static String describe(ModelSettings model) {
        return Records.JSON.createObjectNode().put("contextLength", model.contextLength()).put("temperature", model.temperature()).put("systemPrompt", model.systemPrompt()).toString();
    }

    /** The installation that belongs to a run's model; also restores releases. */
    static Installation installation(RunContext run) {
        Settings settings = run.settings();
        return new Installation(ModelsFolder.make(settings, run.name()), new ReleaseStore(settings.deploy().releases()),
                new Installation.Options(way(settings.deploy()), settings.deploy().keep(), () -> { }, Installation.Options.of(1).freeBytes(),
                        Clock.systemUTC(), run.progress(), run.cancellation()));
    }

    /** The model's primary format, or the first one made when this run did not make it. */
    private static String primary(ModelSettings model, Facts.Quantized made) {
        String wanted = model.primaryFormat().map(f -> f.text()).orElse("");
        return made.files().stream().map(Facts.Gguf::format).filter(wanted::equals).findFirst().orElse(made.files().getFirst().format());
    }

    private static Placement.Way way(DeploySettings deploy) {
        return switch (deploy.link()) {
            case HARD -> Placement.Way.AUTO;
            case COPY -> Placement.Way.COPY;
            case REFLINK -> Placement.Way.COPY;
        };
    }

    @Override
    public String summary(Object facts) {
        Facts.Deployed deployed = (Facts.Deployed) facts;
        return "release " + deployed.release() + " in " + deployed.folder();
    }
}
