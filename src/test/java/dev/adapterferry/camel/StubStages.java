package dev.adapterferry.camel;

import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.StageWork;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Puts something quick in the place of every stage; what it does besides is the test's. The routes and everything else are the real ones. */
final class StubStages implements UnaryOperator<StageWork> {
    /** What was carried, in order: {@code majora download}. */
    final List<String> calls = Collections.synchronizedList(new ArrayList<>());
    private final Map<Stage, Consumer<RunContext>> acts = Collections.synchronizedMap(new EnumMap<>(Stage.class));

    /** Has a stage do this each time. */
    StubStages at(Stage stage, Consumer<RunContext> act) {
        acts.put(stage, act);
        return this;
    }

    @Override
    public StageWork apply(StageWork real) {
        return new StageWork() {
            @Override
            public Stage stage() {
                return real.stage();
            }

            @Override
            public Class<?> facts() {
                return real.facts();
            }

            @Override
            public Optional<String> key(RunContext run) {
                return Optional.empty();
            }

            @Override
            public Object carry(RunContext run) {
                calls.add(run.name() + " " + stage().text());
                Consumer<RunContext> act = acts.get(stage());
                if (act != null) {
                    act.accept(run);
                }
                return made(stage(), run);
            }

            @Override
            public String summary(Object facts) {
                return real.summary(facts);
            }
        };
    }

    private static Object made(Stage stage, RunContext run) {
        Path folder = run.folder();
        return switch (stage) {
            case DOWNLOAD -> new Facts.Downloaded(folder, "identity", "a stub", List.of(), 12, null, null);
            case MERGE -> new Facts.Merged(folder, "identity", folder, "some/base", "c0ffee", "base", 196, List.of("the adapter names another base"), null);
            case QUANTIZE -> new Facts.Quantized(List.of(new Facts.Gguf("Q4_K_M", new Facts.Item(small(folder), 4_700_000_000L, "ab".repeat(32)))), 7, Map.of(), 1, 1, 1, 0, List.of("2 tensors for images are left out"));
            case DEPLOY -> new Facts.Deployed(3, folder, List.of(new Facts.Gguf("Q4_K_M", new Facts.Item(small(folder), 4_700_000_000L, "ab".repeat(32)))), "Q4_K_M", 2);
            case HEALTH_CHECK -> new Facts.Checked("healthy", List.of(), URI.create("http://127.0.0.1:1"), "m", "yes", null);
            case EVALUATE -> new Facts.Evaluated(0.875, 8, 0, 42.0, null);
        };
    }

    /** The record wants a file that is there; how large it is said to be is another matter. */
    private static Path small(Path folder) {
        try {
            Files.createDirectories(folder);
            return Files.writeString(folder.resolve("m-Q4_K_M.gguf"), "GGUF");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
