package dev.adapterferry.cli;

import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.serve.ServerOptions;
import dev.adapterferry.serve.SupervisedServer;
import dev.adapterferry.settings.ServeSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.Servable;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The ferry's own server, for machines without LM Studio. */
@Command(name = "serve", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Serves a deployed model, or any GGUF file, with the embedded llama.cpp over OpenAI's protocol (/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/rerank, /v1/models) until Ctrl-C. "
                + "It is started again when the engine crashes.")
final class ServeCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", description = "A model of the settings, or the path of a .gguf file.")
    private String model;

    @Option(names = {"-f", "--format"}, paramLabel = "F", description = "Quantization to serve (default: the release's primary one).")
    private String format;

    @Option(names = "--release", paramLabel = "N", description = "A kept release (default: the installed one).")
    private Integer release;

    @Option(names = {"-p", "--port"}, paramLabel = "P", description = "Port (default: the setting serve.port); 0 takes a free one.")
    private String port;

    @Option(names = "--host", paramLabel = "H", description = "Address to listen on (default: the setting serve.host, loopback). Beyond loopback the setting serve.token is required.")
    private String host;

    @Override
    public Integer call() throws InterruptedException {
        Console console = common.console();
        if (port != null) {
            common.set("serve.port", port);
        }
        if (host != null) {
            common.set("serve.host", host);
        }
        Settings settings = common.settings(console);
        Servable servable = Servable.find(settings, model, Optional.ofNullable(format), release == null ? OptionalInt.empty() : OptionalInt.of(release));
        ServeSettings serve = settings.serve();
        ServedModel served = servable.model();
        console.note("ferry: loading " + served.name() + " (" + servable.origin() + ")");
        ServerOptions options = new ServerOptions(serve.host(), serve.port(), serve.token(), serve.threads(), ServerOptions.loopback().gpuLayers(), 1);
        SupervisedServer server = SupervisedServer.start(options, List.of(served), settings.health().loadTimeout(), settings.log().path());
        Runtime.getRuntime().addShutdownHook(new Thread(server::close, "stop-server"));
        console.println(served.name() + " (" + servable.origin() + ") answers at " + server.address() + "/v1 under the name '" + served.name() + "'. Ctrl-C stops it.");
        server.await();
        return ExitCode.DONE;
    }
}
