package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.deploy.ActiveRelease;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists the configured models. */
@Command(name = "models", mixinStandardHelpOptions = true, sortOptions = false, description = "Lists the configured models and what is deployed of each.")
final class ModelsCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        ReleaseStore store = new ReleaseStore(settings.deploy().releases());
        Table table = new Table("model", "base", "source", "formats", "release", "description");
        ArrayNode list = new ObjectMapper().createArrayNode();
        settings.models().forEach((name, model) -> {
            Optional<ActiveRelease> release = store.active(name);
            String formats = model.formats().stream().map(f -> f.text()).collect(Collectors.joining(","));
            table.row(name, model.base().orElse("as the adapter says"), source(model), formats, release.isPresent() ? release.get().number() : "-", model.description());
            ObjectNode node = list.addObject().put("name", name).put("base", model.base().orElse(null)).put("source", source(model)).put("enabled", model.enabled())
                    .put("description", model.description());
            model.formats().forEach(f -> node.withArray("formats").add(f.text()));
            if (release.isPresent()) {
                node.put("release", release.get().number());
            }
        });
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(list));
        } else if (table.isEmpty()) {
            console.println("No models yet. Name one under 'models:' in the settings file.");
        } else {
            console.println(table.toString());
        }
        return ExitCode.DONE;
    }

    private static String source(ModelSettings model) {
        if (model.source().url().isPresent()) {
            return model.source().url().get();
        }
        return model.source().instanceId().isPresent() ? "vast.ai " + model.source().instanceId().getAsLong() + ":" + model.source().path() : "-";
    }
}
