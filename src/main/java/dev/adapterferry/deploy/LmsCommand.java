package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.modelserver.ListedModel;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Older LM Studios, through their command. It prints JSON on standard output and everything else on standard error, and
 * exits with 0 also where nothing happened, so what it did is looked up afterwards.
 */
record LmsCommand(Path command, URI server, Duration loadLimit) implements LmStudioControl {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Override
    public List<ListedModel> models() {
        JsonNode loaded = run(LIMIT, "ps", "--json");
        List<ListedModel> models = new ArrayList<>();
        for (JsonNode model : run(LIMIT, "ls", "--json")) {
            String path = model.path("path").asText("");
            List<ListedModel.Instance> instances = new ArrayList<>();
            loaded.forEach(instance -> {
                if (instance.path("path").asText("").equals(path)) {
                    instances.add(new ListedModel.Instance(instance.path("identifier").asText(), instance.path("contextLength").asLong(-1)));
                }
            });
            models.add(new ListedModel(model.path("modelKey").asText(), model.path("publisher").asText(), model.path("quantization").path("name").asText(""),
                    model.path("sizeBytes").asLong(-1), List.of(), "", path, instances));
        }
        return models;
    }

    @Override
    public ListedModel.Instance load(ListedModel model, String format, long context) {
        // --exact takes the path: without it the first fuzzy match would be loaded.
        run(loadLimit, "load", model.path(), "--exact", "-y", "--context-length", Long.toString(context), "--identifier", model.key());
        return models().stream().filter(now -> now.path().equals(model.path())).flatMap(now -> now.instances().stream()).reduce((first, second) -> second)
                .orElseThrow(() -> new FerryException("'lms load' of " + model.path() + " ended well, but 'lms ps' does not show it."));
    }

    @Override
    public void unload(ListedModel.Instance instance) {
        run(LIMIT, "unload", instance.id());
        if (models().stream().anyMatch(model -> model.instances().stream().anyMatch(left -> left.id().equals(instance.id())))) {
            throw new FerryException("'lms unload " + instance.id() + "' ended well, but the model is still loaded. Unload it in LM Studio.");
        }
    }

    /** Runs one command and reads its JSON; an empty array when it printed none. */
    private JsonNode run(Duration limit, String... arguments) {
        List<String> line = new ArrayList<>(List.of(command.toString()));
        line.addAll(List.of(arguments));
        line.addAll(List.of("--host", server.getHost(), "--port", Integer.toString(server.getPort() < 0 ? 1234 : server.getPort())));
        String what = "lms " + String.join(" ", arguments).toLowerCase(Locale.ROOT);
        Process process = null;
        try {
            Process started = new ProcessBuilder(line).start();
            process = started;
            started.getOutputStream().close();
            CompletableFuture<byte[]> out = CompletableFuture.supplyAsync(() -> read(started.getInputStream()));
            CompletableFuture<byte[]> err = CompletableFuture.supplyAsync(() -> read(started.getErrorStream()));
            if (!Cancellation.current().interrupting(what, () -> started.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS))) {
                throw new TransientFailure("'" + what + "' did not end within " + limit.toSeconds() + " s.");
            }
            String printed = new String(out.get(), StandardCharsets.UTF_8);
            if (started.exitValue() != 0) {
                throw new FerryException("'" + what + "' failed with exit code " + started.exitValue() + ": " + new String(err.get(), StandardCharsets.UTF_8).strip());
            }
            return printed.isBlank() || !List.of(arguments).contains("--json") ? ReleaseStore.JSON.createArrayNode() : ReleaseStore.JSON.readTree(printed);
        } catch (IOException e) {
            throw new FerryException("Cannot run '" + command + "': " + e.getMessage() + ".", e);
        } catch (ExecutionException e) {
            throw new FerryException("Cannot read the output of '" + what + "'.", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled(what);
        } finally {
            if (process != null && process.isAlive()) {
                process.destroyForcibly();
            }
        }
    }

    private static byte[] read(java.io.InputStream in) {
        try (in) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
