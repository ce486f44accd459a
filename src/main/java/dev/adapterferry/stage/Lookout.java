package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Use;
import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.source.Sources;
import dev.adapterferry.source.TrainingState;
import dev.adapterferry.source.vast.InstanceAway;
import dev.adapterferry.transfer.FileTree;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks at the models' sources for finished adapters that were not carried yet: by content, since names are used again. */
public final class Lookout {
    private static final Logger LOG = LoggerFactory.getLogger(Lookout.class);

    private final Settings settings;
    private final Ledger ledger;
    private final AdapterSources sources;

    /**
     * What waits.
     *
     * @param place   where, in words
     * @param request the run to start
     */
    public record Find(String place, RunRequest request) { }

    /**
     * @param settings the models
     * @param ledger   remembers what was carried
     * @param sources  opens places
     */
    public Lookout(Settings settings, Ledger ledger, AdapterSources sources) {
        this.settings = settings;
        this.ledger = ledger;
        this.sources = sources;
    }

    /** Enabled models that are trained on rented machines; none when nobody may or can ask vast.ai. */
    public List<String> onInstances() {
        return settings.vast().enabled() == Use.NEVER || !sources.hasKey(settings) ? List.of() : enabled(model -> model.source().url().isEmpty());
    }

    /** Enabled models whose adapters come from anywhere else. */
    public List<String> elsewhere() {
        return enabled(model -> model.source().url().isPresent());
    }

    private List<String> enabled(Predicate<ModelSettings> which) {
        return settings.models().entrySet().stream().filter(e -> e.getValue().enabled() && which.test(e.getValue())).map(Map.Entry::getKey).toList();
    }

    /**
     * Looks at one model's source.
     *
     * @return the run to start, or empty when nothing new and finished waits there
     * @throws FerryException when the place cannot be looked at
     */
    public Optional<Find> look(String model) {
        SourceSpec spec;
        try {
            spec = sources.spec(settings, model, Optional.empty());
        } catch (dev.adapterferry.failure.SettingsException e) {
            LOG.debug("{}", e.getMessage());
            return Optional.empty();
        }
        AdapterPull.Terms terms = AdapterPull.Terms.finished(AdapterSources.look(settings), 1).suited(spec);
        try (Sources opened = sources.open(settings); FileTree tree = opened.open(spec)) {
            AdapterPull.Sighting sighting = new AdapterPull(terms).look(tree);
            if (sighting.identity().isEmpty()) {
                TrainingState state = sighting.adapter().state();
                LOG.info("{}: {} is not finished{}: {}", model, sighting.adapter().place(), state.progress().isEmpty() ? "" : ", " + state.progress(), state.why());
                return Optional.empty();
            }
            if (ledger.adapters().find(sighting.identity().get(), model).isPresent()) {
                return Optional.empty();
            }
            ModelSettings.Source source = settings.model(model).source();
            OptionalLong instance = spec instanceof SourceSpec.Vast vast && source.instanceId().isEmpty() ? OptionalLong.of(vast.instance()) : OptionalLong.empty();
            return Optional.of(new Find(sighting.adapter().place(), new RunRequest(model, instance.isPresent() ? Long.toString(instance.getAsLong()) : null, null, null, List.of(), null, null,
                    List.of(), false, "schedule")));
        } catch (InstanceAway e) {
            LOG.info("{}: {}", model, e.getMessage());
            return Optional.empty();
        }
    }
}
