package dev.adapterferry.stage;

import dev.adapterferry.alert.Amounts;
import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.ModelOutline;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.hub.BaseGlance;
import dev.adapterferry.hub.BaseResolver;
import dev.adapterferry.hub.HubApi;
import dev.adapterferry.hub.HubTerms;
import dev.adapterferry.llamacpp.LlamaLibrary;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.lora.AdapterOutline;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.settings.Use;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.DequantizedCheckpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Judges a model before anything is transferred, in seconds: does the adapter exist and of which kind is it, which base and which
 * commit of it, is the architecture supported, do the two fit, is there room, and how long will it take. Of what is not on
 * this machine only configurations and headers are read. Writes nothing but a scratch folder that the caller gives.
 */
public final class Doctor {
    /** Of the memory; what is left belongs to everything else that runs here. */
    private static final double COMFORTABLE = 0.8;
    /** A conversation longer than any window. */
    private static final int LONG = 1 << 20;
    private static final String EMBEDDED_SINCE = "2025-03";

    private final AdapterSources sources;
    private final HttpCaller hub;
    private final Predicate<Endpoint> answers;
    private final Machine machine;
    private final Path scratch;
    private final List<Diagnosis> found = new ArrayList<>();
    private Forecast forecast;
    private DiskNeeds needs = new DiskNeeds();

    /**
     * What came of it.
     *
     * @param found    one entry per thing looked at
     * @param forecast sizes and times; empty when the model could not be planned
     * @param needs    what each stage writes
     */
    public record Report(List<Diagnosis> found, Optional<Forecast> forecast, List<DiskNeeds.Need> needs) {
        /** Whether nothing was found on which the passage would fail. */
        public boolean healthy() {
            return found.stream().noneMatch(d -> d.state() == Diagnosis.State.FAILED);
        }
    }

    /**
     * @param sources finds adapters
     * @param hub     asks the hub
     * @param answers whether a model server answers at an address
     * @param machine what there is room for, and how fast it is
     * @param scratch an empty folder
     */
    public Doctor(AdapterSources sources, HttpCaller hub, Predicate<Endpoint> answers, Machine machine, Path scratch) {
        this.sources = sources;
        this.hub = hub;
        this.answers = answers;
        this.machine = machine;
        this.scratch = scratch;
    }

    /**
     * Looks at everything that can be looked at; what depends on something that failed is left out.
     *
     * @param run         what is asked for
     * @param withAdapter false to judge the base alone
     */
    public Report examine(RunContext run, boolean withAdapter) {
        Optional<AdapterGlance> adapter = withAdapter ? adapter(run) : Optional.empty();
        Optional<BaseGlance> base = base(run, adapter);
        base.ifPresent(glance -> model(run, adapter, glance));
        return new Report(List.copyOf(found), Optional.ofNullable(forecast), needs.all());
    }

    private Optional<AdapterGlance> adapter(RunContext run) {
        try {
            AdapterGlance glance = AdapterGlance.of(run, sources, scratch);
            found.add(Diagnosis.ok("adapter", glance.kind() + "; in " + glance.place() + (glance.whole() ? "" : ", " + Amounts.bytes(glance.missing()) + " to download")));
            if (!glance.whole()) {
                needs.fetch("download", run.settings().home().resolve("adapters"), glance.missing());
            }
            return Optional.of(glance);
        } catch (FerryException e) {
            found.add(Diagnosis.failed("adapter", e));
            return Optional.empty();
        }
    }

    private Optional<BaseGlance> base(RunContext run, Optional<AdapterGlance> adapter) {
        HubTerms terms = AdapterSources.hub(run.settings());
        BaseResolver resolver = new BaseResolver(terms, () -> new HubApi(hub, terms));
        try {
            BaseGlance glance = LocalBases.locate(run, adapter.map(a -> AdapterConfig.read(a.folder())), folder -> folder(LocalBases.base(run, folder)),
                    repository -> resolver.glance(resolver.pin(repository.name(), repository.revision())));
            found.add(describe(glance));
            if (!glance.here()) {
                needs.fetch("merge", terms.cache(), glance.missingBytes());
            }
            return Optional.of(glance);
        } catch (FerryException e) {
            found.add(Diagnosis.failed("base", e));
            return Optional.empty();
        }
    }

    private static BaseGlance folder(MergedModel.Base base) {
        return new BaseGlance(new BaseResolver.Base(base.folder(), base.name(), base.commit(), BaseResolver.Origin.FOLDER), 0, 0, Optional.empty());
    }

    private static Diagnosis describe(BaseGlance glance) {
        String name = glance.base().name() + glance.base().commit().map(commit -> ", commit " + commit.substring(0, Math.min(12, commit.length()))).orElse("");
        if (!glance.here()) {
            return Diagnosis.ok("base", name + ": " + Amounts.bytes(glance.missingBytes()) + " in " + glance.missingFiles() + (glance.missingFiles() == 1 ? " file" : " files") + " to download from the hub");
        }
        return glance.base().commit().isPresent() ? Diagnosis.ok("base", name + ": complete in " + glance.base().folder())
                : Diagnosis.note("base", name + ": a folder, of which no commit is known", "");
    }

    private void model(RunContext run, Optional<AdapterGlance> adapter, BaseGlance glance) {
        Checkpoint base;
        try {
            base = glance.outline().isPresent() ? glance.outline().get() : CheckpointFolder.open(glance.base().folder(), glance.base().name());
        } catch (FerryException e) {
            found.add(Diagnosis.failed("weights", e));
            return;
        }
        try (Checkpoint checkpoint = merged(run, adapter, base)) {
            ModelOutline outline = new ModelConverter().outline(checkpoint);
            boolean embedded = architecture(run, outline);
            outline.notes().forEach(note -> found.add(Diagnosis.note("architecture", note, "")));
            boolean declared = checkpoint.config().path("tie_word_embeddings").asBoolean(outline.tied());
            found.add(Diagnosis.ok("tied weights", (outline.tied() ? "the embedding serves as the output too" : "the output has weights of its own")
                    + (declared == outline.tied() ? "" : " (config.json says otherwise; what the weights are decides)")));
            GgufMetadata metadata = vocabulary(checkpoint, outline, glance.here());
            forecast = Forecast.of(QuantizeStage.fileName(run), outline, metadata, base.tensors(), QuantizeStage.requests(run, run.settings().quantize().imatrix().isPresent()),
                    run.model().primaryFormat().map(f -> f.text()).orElse(""), run.model().contextLength(), embedded, QuantizeStage.passSettings(run, scratch), machine.encoding());
            needs.addOutputs(run.settings(), run.name(), forecast);
            resources(embedded && outline.embeddedCacheBytes(LONG) > outline.cacheBytes(LONG));
        } catch (FerryException e) {
            found.add(Diagnosis.failed(found.stream().anyMatch(d -> d.check().equals("architecture")) ? "model" : "architecture", e));
        }
    }

    /** Base and adapter together where both can be seen; opening them holds every shape against every other. */
    private Checkpoint merged(RunContext run, Optional<AdapterGlance> adapter, Checkpoint base) {
        if (adapter.isEmpty() || !adapter.get().whole() && adapter.get().tensors().isEmpty()) {
            adapter.ifPresent(a -> found.add(Diagnosis.unknown("fit", "whether adapter and base fit is seen when the adapter is here")));
            return DequantizedCheckpoint.of(base);
        }
        try {
            MergedCheckpoint merged = opened(run, adapter.get(), base);
            found.add(Diagnosis.ok("fit", merged.adaptedTensors().size() + " tensors of the base are adapted" + (adapter.get().whole() ? "" : ", by names and shapes; values are checked when the adapter is here")));
            merged.warnings().forEach(warning -> found.add(Diagnosis.note("fit", warning, "")));
            return merged;
        } catch (FerryException e) {
            found.add(Diagnosis.failed("fit", e));
            return DequantizedCheckpoint.of(base);
        }
    }

    private static MergedCheckpoint opened(RunContext run, AdapterGlance adapter, Checkpoint base) {
        if (adapter.whole()) {
            return MergedModel.open(run, base, List.of(MergeInput.of(adapter.folder())), Set.of());
        }
        AdapterConfig config = AdapterConfig.read(adapter.folder());
        return MergedCheckpoint.outline(base, new AdapterOutline(run.name(), config, adapter.tensors().orElseThrow()), MergedModel.options(run, List.of(config), Set.of()));
    }

    /** Whether the embedded llama.cpp would serve the model, and can. */
    private boolean architecture(RunContext run, ModelOutline outline) {
        String text = outline.className() + " becomes " + outline.architecture() + ", " + millions(outline.parameters()) + " weights in " + outline.number("block_count") + " layers";
        boolean newer = outline.since().compareTo(EMBEDDED_SINCE) > 0;
        ModelUse use = ModelUse.of(outline.architecture());
        if (!use.served()) {
            found.add(Diagnosis.note("architecture", text + ", " + use.kind(),
                    "Run it with a llama.cpp of " + outline.since() + " or later: " + use.call("FILE") + ". Health check and evaluation ask no server and look at the files alone."));
            return false;
        }
        found.add(newer ? Diagnosis.note("architecture", text + "; newer than the embedded llama.cpp (" + LlamaLibrary.BUILD + "), which cannot serve it",
                "Serve it with LM Studio or a llama.cpp of " + outline.since() + " or later; the probe by the embedded server will fail (serve.enabled: never).") : Diagnosis.ok("architecture", text));
        boolean embedded = !newer && servesItself(run);
        if (embedded && LlamaLibrary.COMPUTES_OTHERWISE.contains(outline.architecture())) {
            found.add(Diagnosis.note("serving", "the embedded llama.cpp (" + LlamaLibrary.BUILD + "), which would serve it for health check and evaluation, computes " + outline.architecture()
                    + " models wrongly: both would judge answers that are not the model's", "Start LM Studio or a current llama.cpp at " + run.model().endpoint()
                    + " (models." + run.name() + ".endpoint), and keep the embedded one out of it: serve.enabled: never."));
        }
        return embedded;
    }

    /** Whether health check and evaluation would ask the embedded library: it is wanted so, or nobody else answers. */
    private boolean servesItself(RunContext run) {
        Use use = run.settings().serve().enabled();
        return use == Use.ALWAYS || use == Use.AUTO && !answers.test(EmbeddedServers.configured(run.settings(), run.name()));
    }

    private GgufMetadata vocabulary(Checkpoint checkpoint, ModelOutline outline, boolean here) {
        if (!here) {
            found.add(Diagnosis.unknown("vocabulary", "tokenizer files are read when the base is here"));
            return outline.metadata();
        }
        try {
            ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
            String text = kind(model.tokenizer()) + ", " + model.tokenizer().tokens() + " tokens, ";
            found.add(model.tokenizer().chatTemplate() ? Diagnosis.ok("vocabulary", text + "with a chat template")
                    : ModelUse.of(model.metadata()) != ModelUse.ANSWERS ? Diagnosis.ok("vocabulary", text + "no chat template, which such a model does not need")
                    : Diagnosis.note("vocabulary", text + "no chat template", "Without one, chats are written in a general form: put the template of the training into the adapter's folder (chat_template.jinja)."));
            return model.metadata();
        } catch (FerryException e) {
            found.add(Diagnosis.failed("vocabulary", e));
            return outline.metadata();
        }
    }

    /** What kind of vocabulary it is, in words. */
    static String kind(TokenizerConverter.Result vocabulary) {
        return switch (vocabulary.model()) {
            case "gpt2" -> "byte-level BPE, pre-tokenizer " + vocabulary.pre();
            case "llama" -> "SentencePiece BPE";
            case "gemma4" -> "BPE with bytes to fall back on";
            case "t5" -> "unigram";
            case "rwkv" -> "RWKV World, the longest token that fits";
            default -> vocabulary.model();
        };
    }

    private void resources(boolean wholeWindows) {
        List<String> shortages = needs.shortages(machine.free());
        found.add(shortages.isEmpty() ? Diagnosis.ok("disk", Amounts.bytes(needs.total()) + " to be written, which fits")
                : Diagnosis.failed("disk", String.join("; ", shortages), "Free space, ask for fewer formats (--formats), or move 'home' or 'hub.cache' to another disk."));
        long memory = machine.memory();
        String text = Amounts.bytes(forecast.passMemory()) + " of buffers for the pass; " + Amounts.bytes(forecast.serving()) + " to serve the primary format, of " + Amounts.bytes(memory)
                + (wholeWindows ? "; the embedded llama.cpp keeps all tokens for layers with windows too, others need less" : "");
        if (forecast.serving() > memory) {
            found.add(Diagnosis.failed("memory", text, "Take a smaller primary format (quantize.primary-format) or a shorter context (context-length)."));
        } else {
            found.add(forecast.serving() > COMFORTABLE * memory ? Diagnosis.note("memory", text, "It will be tight; a smaller primary format or a shorter context-length helps.") : Diagnosis.ok("memory", text));
        }
        long fetched = needs.all().stream().filter(DiskNeeds.Need::fetched).mapToLong(DiskNeeds.Need::bytes).sum();
        found.add(Diagnosis.ok("time", "about " + Amounts.time(forecast.pass()) + " for the pass on " + forecast.threads() + " threads (kernels timed just now: " + Amounts.time(forecast.computing())
                + "; disk at an assumed " + Amounts.bytes(Forecast.ASSUMED_DISK_RATE) + "/s: " + Amounts.time(forecast.moving()) + ")" + (fetched == 0 ? ""
                : "; " + Amounts.bytes(fetched) + " to download: " + Amounts.time(StageTimes.atExampleRate(fetched)) + " at 100 Mbit/s")));
    }

    private static String millions(long weights) {
        return weights >= 1_000_000_000 ? String.format(java.util.Locale.ROOT, "%.1f B", weights / 1e9) : String.format(java.util.Locale.ROOT, "%.1f M", weights / 1e6);
    }
}
