package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.modelserver.ListedModel;
import dev.adapterferry.modelserver.LmStudioApi;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import java.util.List;

/**
 * An LM Studio that only lists (version 0 of its API) and whose command is not at hand: a question makes it load the
 * model, with the context that its own settings say.
 */
record ListingControl(LmStudioApi api, OpenAiClient client) implements LmStudioControl {
    @Override
    public List<ListedModel> models() {
        return api.models();
    }

    @Override
    public ListedModel.Instance load(ListedModel model, String format, long context) {
        client.ask(Question.greedy(model.key(), null, "Hello", 1));
        return models().stream().filter(now -> now.key().equals(model.key())).flatMap(now -> now.instances().stream()).findFirst()
                .orElseThrow(() -> new FerryException("LM Studio at " + api.endpoint() + " answered for '" + model.key() + "' but does not list it as loaded. Switch just-in-time loading on, or install the lms command."));
    }

    @Override
    public void unload(ListedModel.Instance instance) {
        throw new FerryException("LM Studio at " + api.endpoint() + " has '" + instance.id() + "' loaded and offers no way to unload it from outside. Unload it there, or install the lms command.");
    }
}
