package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.probe.HealthJson;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Rollback;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Back to an earlier release. */
@Command(name = "rollback", mixinStandardHelpOptions = true, sortOptions = false,
        description = {"Installs an earlier release of a model again, has LM Studio load it with the settings that it was deployed with, and asks it the test prompts. "
                + "'ferry releases MODEL' shows which can be restored. Refused while the model is being carried."},
        footer = {"", "Exit codes: 0 restored and healthy; 7 restored, degraded; 6 restored, but it does not answer as it should; 4 not restored."})
final class RollbackCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "MODEL", description = "A model of the settings.")
    private String model;

    @Option(names = "--to", paramLabel = "N", description = "Number of the release (default: the one that was installed before this one).")
    private Integer to;

    @Option(names = "--no-test", description = "Do not ask the restored release.")
    private boolean noTest;

    @Option(names = "--json", description = "As JSON: the release, what it replaced, and the health check.")
    private boolean json;

    @Override
    public Integer call() {
        Console console = common.console();
        return rollback(console, common.settings(console), model, to == null ? OptionalInt.empty() : OptionalInt.of(to), !noTest, json);
    }

    /**
     * Rolls one model back and tells of it; for every command that offers this.
     *
     * @return the exit code
     */
    static int rollback(Console console, Settings settings, String model, OptionalInt to, boolean probing, boolean json) {
        settings.model(model);
        HttpCaller http = new JdkHttpCaller();
        Rollback.Result result;
        try (Ledger ledger = Ledgers.open(settings)) {
            result = new Rollback(settings, ledger, http, new EmbeddedServers(http)).to(model, to, probing, console);
        }
        if (json) {
            console.println(tree(model, result).toPrettyString());
        } else {
            print(console, model, result);
        }
        Telling.tell(console, settings, result.alert("ferry rollback"));
        return result.health().map(health -> health.status().exitCode()).orElse(ExitCode.DONE);
    }

    private static void print(Console console, String model, Rollback.Result result) {
        var release = result.inUse().deployed().release();
        console.println(String.format(Locale.ROOT, "%s: release %d is installed again%s, %s, in %.1fs.", model, release.number(), result.from() == release.number() || result.from() == 0 ? "" : " instead of " + result.from(),
                result.inUse().deployed().loaded().map(loaded -> "LM Studio has loaded it as " + loaded.modelId()).orElse("no LM Studio was asked to load it"), result.restored().toMillis() / 1000.0));
        result.health().ifPresent(health -> new HealthPrinter(console).print(List.of(health), false));
    }

    private static ObjectNode tree(String model, Rollback.Result result) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("model", model).put("release", result.inUse().deployed().release().number());
        node.put("replaced", result.from() == 0 ? null : result.from()).put("loadedAs", result.inUse().deployed().loaded().map(loaded -> loaded.modelId()).orElse(null))
                .put("restoredMillis", result.restored().toMillis());
        return node.set("health", result.health().map(HealthJson::tree).orElse(null));
    }
}
