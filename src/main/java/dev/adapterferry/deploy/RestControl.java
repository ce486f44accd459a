package dev.adapterferry.deploy;

import dev.adapterferry.modelserver.ListedModel;
import dev.adapterferry.modelserver.LmStudioApi;
import java.time.Duration;
import java.util.List;

/** LM Studio 0.4.0 and later, through its REST API. */
record RestControl(LmStudioApi api, Duration loadLimit) implements LmStudioControl {
    @Override
    public List<ListedModel> models() {
        return api.models();
    }

    @Override
    public ListedModel.Instance load(ListedModel model, String format, long context) {
        // Several quantizations of one folder share a key; the variant's key says which one is meant.
        String variant = model.variants().stream().filter(key -> key.toLowerCase(java.util.Locale.ROOT).endsWith("@" + format.toLowerCase(java.util.Locale.ROOT))).findFirst().orElse(model.key());
        return api.load(variant, context, loadLimit);
    }

    @Override
    public void unload(ListedModel.Instance instance) {
        api.unload(instance.id());
    }
}
