package dev.adapterferry.stage;

import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.VectorComparison;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Releases of an embedding model, or formats of one release, side by side: the vectors that they make of the texts of the model's prompt sets, on the ferry's own server. Nobody
 * wins: vectors tell how far two files are apart, not which of them finds better.
 */
public final class VectorContest {
    private final Settings settings;
    private final HttpCaller caller;
    private final ModelServers servers;
    private final Progress progress;
    private final String model;

    /**
     * @param settings how models are served, and their prompt sets
     * @param caller   sends the requests
     * @param servers  starts the servers
     * @param progress hears of texts
     * @param model    the model's name
     */
    public VectorContest(Settings settings, HttpCaller caller, ModelServers servers, Progress progress, String model) {
        this.settings = settings;
        this.caller = caller;
        this.servers = servers;
        this.progress = progress;
        this.model = model;
    }

    /**
     * Compares kept releases, each in its primary format, with the first of them.
     *
     * @throws FerryException when one makes no vectors, or there is no prompt set
     */
    public List<VectorComparison> releases(List<Integer> numbers) {
        return among(numbers.stream().map(number -> Entrant.kept(settings, model, number, Optional.empty())).toList());
    }

    /**
     * Compares formats of a release with the first of them.
     *
     * @param release its number
     */
    public List<VectorComparison> formats(int release, List<String> formats) {
        return among(formats.stream().map(format -> Entrant.kept(settings, model, release, Optional.of(format))).toList());
    }

    private List<VectorComparison> among(List<Entrant> entrants) {
        if (entrants.stream().map(Entrant::label).distinct().count() < entrants.size()) {
            throw new SettingsException("Cannot compare something of " + model + " with itself. Name what differs.");
        }
        entrants.stream().filter(entrant -> ModelUse.of(entrant.served().file()) != ModelUse.VECTORS).findFirst().ifPresent(other -> {
            throw new FerryException("Cannot compare vectors: " + other.label() + " makes none.");
        });
        List<String> texts = PromptSets.prompts(settings, model).stream().map(Prompt::prompt).distinct().toList();
        List<VectorComparison> comparisons = new ArrayList<>();
        List<double[]> reference = vectors(entrants.getFirst(), texts);
        for (Entrant entrant : entrants.subList(1, entrants.size())) {
            comparisons.add(VectorComparison.of(entrant.label(), vectors(entrant, texts), entrants.getFirst().label(), reference, texts));
        }
        return comparisons;
    }

    private List<double[]> vectors(Entrant entrant, List<String> texts) {
        String holder = "compare " + entrant.label();
        try {
            ModelServers.Serving serving = servers.embed(holder, settings, entrant.served());
            OpenAiClient client = new OpenAiClient(serving.endpoint().within(settings.evaluate().timeout()), caller);
            List<double[]> vectors = new ArrayList<>();
            for (String text : texts) {
                vectors.add(client.embed(serving.modelId(), text).values());
                progress.report(new Progress.Step("vectors of " + entrant.label(), vectors.size(), texts.size(), Progress.Unit.ITEMS));
            }
            return vectors;
        } finally {
            servers.release(holder);
        }
    }
}
