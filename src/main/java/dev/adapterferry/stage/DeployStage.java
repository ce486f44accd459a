package dev.adapterferry.stage;

import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.deploy.Deployment;
import dev.adapterferry.deploy.LmStudioServer;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.StageKey;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Installs the quantized files as the model's next release: into the models directory as a transaction, into a running LM
 * Studio, and to further targets. Done again after a kill it finds its own release and only loads it.
 */
public final class DeployStage implements StageWork {
    private final Ledger ledger;
    private final HttpCaller http;
    private final Announcer announcer;

    /**
     * @param ledger    is told of the release
     * @param http      sends the small requests to LM Studio and Ollama
     * @param announcer tells of a release that could not be loaded and was taken back
     */
    public DeployStage(Ledger ledger, HttpCaller http, Announcer announcer) {
        this.ledger = ledger;
        this.http = http;
        this.announcer = announcer;
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
        ModelSettings model = run.model();
        StageKey key = new StageKey("deploy", 2).with("folder", ModelsFolder.of(run.settings(), run.name()).path()).with("primary", primary(model, made)).with("targets", Places.names(run.settings()))
                .with("context", model.contextLength()).with("temperature", model.temperature()).with("system", model.systemPrompt());
        made.files().forEach(f -> key.with(f.format(), f.item().sha256()));
        return Optional.of(key.hex());
    }

    @Override
    public Facts.Deployed carry(RunContext run) {
        Facts.Quantized made = run.records().get(Stage.QUANTIZE, Facts.Quantized.class);
        List<Candidate.Item> items = made.files().stream().map(f -> Candidate.Item.of(f.item().path(), f.format(), f.item().sha256())).toList();
        ReleaseDesk.InUse inUse = ReleaseDesk.of(run, ledger, http).deploy(new Candidate(run.name(), items, made.identity()), run.id(), run.request().force(), announcer);
        return facts(inUse, primary(run.model(), made));
    }

    /** What is in use, as the stages after this one read it. */
    static Facts.Deployed facts(ReleaseDesk.InUse inUse, String primary) {
        Deployment.Deployed deployed = inUse.deployed();
        List<Facts.Gguf> files = new ArrayList<>();
        for (int i = 0; i < deployed.files().size(); i++) {
            Release.File file = deployed.release().files().get(i);
            files.add(new Facts.Gguf(file.format(), new Facts.Item(deployed.files().get(i), file.bytes(), file.sha256())));
        }
        return new Facts.Deployed(deployed.release().number(), deployed.files().getFirst().getParent(), files, primary, deployed.previous().isPresent() ? deployed.previous().getAsInt() : null,
                deployed.loaded().map(LmStudioServer.Loaded::modelId).orElse(null), inUse.clients().orElse(null));
    }

    /** The model's primary format, or the first one made when this run did not make it. */
    private static String primary(ModelSettings model, Facts.Quantized made) {
        String wanted = model.primaryFormat().map(f -> f.text()).orElse("");
        return made.files().stream().map(Facts.Gguf::format).filter(wanted::equals).findFirst().orElse(made.files().getFirst().format());
    }

    @Override
    public String summary(Object facts) {
        Facts.Deployed deployed = (Facts.Deployed) facts;
        return "release " + deployed.release() + " in " + deployed.folder() + (deployed.modelId() == null ? "" : ", loaded as " + deployed.modelId());
    }
}
