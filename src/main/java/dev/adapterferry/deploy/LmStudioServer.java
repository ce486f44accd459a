package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.ListedModel;
import dev.adapterferry.modelserver.LmStudioApi;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.progress.Cancellation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The running LM Studio during a deployment: lets go of the old files, sees the new ones, loads the wanted one with the
 * wanted context, and believes only what it reads back.
 */
public final class LmStudioServer {
    private final LmStudioControl control;
    private final Timing timing;

    /**
     * How long to wait.
     *
     * @param load  for a model to load
     * @param index for new files to be listed: LM Studio looks at its directory in its own time
     * @param poll  between two looks
     */
    public record Timing(Duration load, Duration index, Duration poll) {
        /** Five minutes to load, one to be listed, a look per second. */
        public static Timing defaults() {
            return new Timing(Duration.ofMinutes(5), Duration.ofMinutes(1), Duration.ofSeconds(1));
        }
    }

    /**
     * What is loaded.
     *
     * @param modelId      id to ask with
     * @param quantization as the server tells it
     * @param context      context length in tokens, as the server tells it
     */
    public record Loaded(String modelId, String quantization, long context) { }

    LmStudioServer(LmStudioControl control, Timing timing) {
        this.control = control;
        this.timing = timing;
    }

    /**
     * Finds the best way to talk to the server: version 1 of its API, else the {@code lms} command, else version 0.
     *
     * @param endpoint the server
     * @param lms      the command, or null when there is none
     * @param caller   sends the requests
     * @param timing   how long to wait
     * @return empty when no LM Studio listens there
     */
    public static Optional<LmStudioServer> find(Endpoint endpoint, Path lms, HttpCaller caller, Timing timing) {
        LmStudioApi api = new LmStudioApi(endpoint, caller);
        Optional<LmStudioApi.Version> version;
        try {
            version = api.version();
        } catch (TransientFailure e) {
            return Optional.empty();
        }
        if (version.equals(Optional.of(LmStudioApi.Version.V1))) {
            return Optional.of(new LmStudioServer(new RestControl(api, timing.load()), timing));
        }
        if ((version.isPresent() || api.isThere()) && lms != null && Files.isExecutable(lms)) {
            return Optional.of(new LmStudioServer(new LmsCommand(lms, endpoint.base(), timing.load()), timing));
        }
        return version.map(v0 -> new LmStudioServer(new ListingControl(api, new OpenAiClient(endpoint.within(timing.load()), caller)), timing));
    }

    /** Unloads every instance of a folder's model: replacing a loaded file would leave the old one in use. */
    public void unload(ModelFolder folder) {
        for (ListedModel model : ours(folder)) {
            model.instances().forEach(control::unload);
        }
    }

    /**
     * Loads one file of an installed release and checks that it is this one.
     *
     * @param folder  where it is installed
     * @param file    the file to load
     * @param context context length in tokens
     * @throws TransientFailure when it is not listed in time
     * @throws FerryException   when something else was loaded than wanted
     */
    public Loaded load(ModelFolder folder, Release.File file, long context) {
        ListedModel listed = await(folder, file);
        // Loading twice makes a second instance, and questions would go to either.
        listed.instances().forEach(control::unload);
        ListedModel.Instance instance = control.load(listed, file.format(), context);
        ListedModel now = ours(folder).stream().filter(model -> model.instances().stream().anyMatch(loaded -> loaded.id().equals(instance.id()))).findFirst()
                .orElseThrow(() -> new FerryException("LM Studio said that it loaded '" + instance.id() + "' but does not list it as loaded."));
        long found = now.instances().stream().filter(loaded -> loaded.id().equals(instance.id())).mapToLong(ListedModel.Instance::context).max().orElse(-1);
        long effective = instance.context() >= 0 ? instance.context() : found;
        if (!now.quantization().isEmpty() && !isFormat(now.quantization(), file.format())) {
            throw new FerryException("LM Studio loaded " + now.quantization() + " of '" + now.key() + "' instead of " + file.format() + ". Deploy that format alone, or in a folder of its own.");
        }
        if (effective != context || found >= 0 && found != context) {
            throw new FerryException("LM Studio loaded '" + instance.id() + "' with a context of " + (effective == context ? found : effective) + " tokens instead of " + context
                    + ". Lower the model's context-length, or look at LM Studio's own limits.");
        }
        return new Loaded(instance.id(), now.quantization().isEmpty() ? file.format() : now.quantization(), effective);
    }

    private ListedModel await(ModelFolder folder, Release.File file) {
        long end = System.nanoTime() + timing.index().toNanos();
        while (true) {
            List<ListedModel> ours = ours(folder);
            Optional<ListedModel> found = ours.stream().filter(model -> offers(model, file)).findFirst();
            if (found.isPresent()) {
                return found.get();
            }
            if (System.nanoTime() > end) {
                throw new TransientFailure("LM Studio does not list " + file.name() + " (" + file.format() + ", " + file.bytes() + " bytes) of " + folder.publisher() + "/" + folder.model()
                        + " after " + timing.index().toSeconds() + " s; it lists " + ours.stream().map(model -> model.key() + " " + model.quantization()).toList()
                        + ". Check that its models directory is " + folder.models() + ".");
            }
            Cancellation.current().pause("waiting for LM Studio to list " + file.name(), timing.poll());
        }
    }

    private List<ListedModel> ours(ModelFolder folder) {
        return control.models().stream().filter(model -> model.isIn(folder.publisher(), folder.model())).toList();
    }

    /** True when the listing knows this very file, or a variant of its format. */
    private static boolean offers(ListedModel model, Release.File file) {
        if (!model.path().isEmpty()) {
            return model.path().endsWith("/" + file.name()) && (model.bytes() < 0 || model.bytes() == file.bytes());
        }
        if (model.variants().stream().anyMatch(variant -> isFormat(variant.substring(variant.lastIndexOf('@') + 1), file.format()))) {
            return true;
        }
        return isFormat(model.quantization(), file.format()) && (model.bytes() < 0 || model.bytes() == file.bytes());
    }

    /** LM Studio calls MXFP4_MOE what it calls the type of its experts, MXFP4. */
    private static boolean isFormat(String listed, String format) {
        return listed.equalsIgnoreCase(format) || listed.equalsIgnoreCase(format.replace("_MOE", ""));
    }
}
