package dev.adapterferry.serve;

import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.llamacpp.EmbeddingModel;
import dev.adapterferry.llamacpp.LlamaLibrary;
import dev.adapterferry.llamacpp.ScoringModel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves GGUF files with embedded llama.cpp over OpenAI's protocol: {@code GET /v1/models}, {@code POST /v1/chat/completions},
 * {@code POST /v1/completions}, {@code POST /v1/embeddings}, {@code POST /v1/rerank}, {@code GET /health}. Models are loaded when first asked for. Thread-safe; close it to stop. What it answers is in {@link ModelApi}.
 *
 * @see <a href="https://platform.openai.com/docs/api-reference/chat">The protocol</a>
 */
public final class ModelServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelServer.class);
    private static final Duration GRACE = Duration.ofSeconds(5);

    static {
        // Without it each small event of a stream waits for the acknowledgement of the one before.
        if (System.getProperty("sun.net.httpserver.nodelay") == null) {
            System.setProperty("sun.net.httpserver.nodelay", "true");
        }
    }

    private final HttpServer server;
    private final ModelShelf shelf;
    private final ModelApi api;
    private final ExecutorService handlers = Executors.newVirtualThreadPerTaskExecutor();

    private ModelServer(ServerOptions options, HttpServer server) {
        this.server = server;
        this.shelf = new ModelShelf(options.maxLoaded(), model -> load(options, model));
        this.api = new ModelApi(shelf, options.token());
    }

    /**
     * Starts listening; nothing is loaded yet.
     *
     * @param options how to listen and compute
     * @param models  what to offer; {@link #add} offers more
     * @return the running server
     * @throws FerryException when the address is taken, or llama.cpp cannot run on this machine
     */
    public static ModelServer start(ServerOptions options, Collection<ServedModel> models) {
        LlamaLibrary.load();
        try {
            HttpServer http = HttpServer.create(new InetSocketAddress(options.host(), options.port()), 0);
            ModelServer server = new ModelServer(options, http);
            models.forEach(server::add);
            http.setExecutor(server.handlers);
            http.createContext("/", server.api::handle);
            http.start();
            return server;
        } catch (IOException e) {
            throw new FerryException("Cannot serve models at " + options.host() + ":" + options.port() + ": " + e.getMessage()
                    + ". Another program may listen there; choose another port (0 takes a free one).", e);
        }
    }

    private static Engine load(ServerOptions options, ServedModel model) {
        long start = System.nanoTime();
        Engine engine = switch (ModelUse.of(model.file())) {
            case ANSWERS, REPLIES, FILLS -> new ChatModel(model.file(), model.contextLength(), options.threads(), options.gpuLayers());
            case VECTORS -> new VectorModel(new EmbeddingModel(model.file(), model.contextLength(), options.threads(), options.gpuLayers()));
            case SCORES -> new ScoreModel(new ScoringModel(model.file(), model.contextLength(), options.threads(), options.gpuLayers()));
        };
        LOG.info("Loaded {} from {} in {} ms, context {}", model.name(), model.file(), (System.nanoTime() - start) / 1_000_000, engine.contextLength());
        return engine;
    }

    /** Where it listens, without a trailing slash: {@code http://127.0.0.1:1235}. */
    public URI address() {
        String host = server.getAddress().getAddress().getHostAddress();
        return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + server.getAddress().getPort());
    }

    /** Offers a model; one of the same name is replaced, its answers under way go on. */
    public void add(ServedModel model) {
        shelf.add(model);
    }

    /** Offers a model no longer; answers under way go on. False when there is none of that name. */
    public boolean remove(String name) {
        return shelf.remove(name);
    }

    /**
     * Loads a model now rather than with the first question.
     *
     * @throws FerryException when it cannot be loaded, or is not offered
     */
    public void load(String name) {
        try (ModelShelf.Use use = shelf.use(name).orElseThrow(() -> new FerryException("Model " + name + " is not served here."))) {
            LOG.debug("{} is loaded", use.model().name());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("loading " + name);
        }
    }

    /**
     * Loads a model and lets it compute something small, so that a file which its engine cannot run shows that now.
     *
     * @throws FerryException as {@link #load}
     */
    void warmUp(String name) {
        try (ModelShelf.Use use = shelf.use(name).orElseThrow(() -> new FerryException("Model " + name + " is not served here."))) {
            use.engine().warmUp();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("loading " + name);
        }
    }

    /** Takes a model out of memory; false when it is in use or not loaded. */
    public boolean unload(String name) {
        return shelf.unload(name);
    }

    /** Names of the models in memory. */
    public List<String> loaded() {
        return shelf.loaded();
    }

    /** Refuses new questions, lets answers under way finish for five seconds, ends the rest, and frees every model. */
    @Override
    public void close() {
        api.stop(GRACE);
        server.stop(0);
        handlers.shutdownNow();
        shelf.close();
    }
}
