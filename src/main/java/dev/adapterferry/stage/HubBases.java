package dev.adapterferry.stage;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.hub.BaseGlance;
import dev.adapterferry.hub.BaseResolver;
import dev.adapterferry.hub.HubApi;
import dev.adapterferry.hub.HubTerms;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.transfer.Bandwidth;
import dev.adapterferry.transfer.TransferTerms;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Finds bases that are named by their repository on the Hugging Face Hub. A branch is resolved to a commit once per run, so
 * that a push in the middle cannot mix versions. Safe for many threads.
 */
public final class HubBases implements LocalBases.Repositories {
    private static final int REMEMBERED = 64;

    private final JdkHttpCaller http = new JdkHttpCaller();
    private final Map<Key, BaseResolver.Pin> pins = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, BaseResolver.Pin> eldest) {
            return size() > REMEMBERED;
        }
    };

    /** What a pin was made for. */
    private record Key(String run, LocalBases.Repository repository) { }

    @Override
    public MergedModel.Base name(RunContext run, LocalBases.Repository repository) {
        return base(pin(run, repository).base());
    }

    @Override
    public MergedModel.Base find(RunContext run, LocalBases.Repository repository, Consumer<Checkpoint> judge) {
        BaseResolver resolver = resolver(run);
        BaseResolver.Pin pin = pin(run, repository);
        resolver.glance(pin).outline().ifPresent(judge);
        return base(resolver.bring(pin, new TransferTerms(Bandwidth.UNLIMITED, run.progress(), run.cancellation())));
    }

    @Override
    public ObjectNode config(RunContext run, LocalBases.Repository repository) {
        return resolver(run).config(pin(run, repository));
    }

    @Override
    public Checkpoint outline(RunContext run, LocalBases.Repository repository) {
        BaseGlance glance = resolver(run).glance(pin(run, repository));
        return glance.outline().orElseGet(() -> CheckpointFolder.open(glance.base().folder(), glance.base().name()));
    }

    private BaseResolver.Pin pin(RunContext run, LocalBases.Repository repository) {
        Key key = new Key(run.id(), repository);
        synchronized (pins) {
            BaseResolver.Pin known = pins.get(key);
            if (known != null) {
                return known;
            }
        }
        BaseResolver.Pin pin = resolver(run).pin(repository.name(), repository.revision());
        synchronized (pins) {
            pins.putIfAbsent(key, pin);
            return pins.get(key);
        }
    }

    private BaseResolver resolver(RunContext run) {
        HubTerms terms = AdapterSources.hub(run.settings());
        return new BaseResolver(terms, () -> new HubApi(http, terms));
    }

    static MergedModel.Base base(BaseResolver.Base found) {
        return new MergedModel.Base(found.folder(), found.name(), found.commit());
    }
}
