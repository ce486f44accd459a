package dev.adapterferry.camel;

import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.StageWork;
import java.util.Optional;
import java.util.function.Function;

/**
 * A stage as it is, but for what is done when it is carried.
 *
 * @param real the stage
 * @param work what is done; mostly the real thing with something of the test's around it
 */
record OtherWork(StageWork real, Function<RunContext, Object> work) implements StageWork {
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
        return real.key(run);
    }

    @Override
    public Object carry(RunContext run) {
        return work.apply(run);
    }

    @Override
    public String summary(Object facts) {
        return real.summary(facts);
    }
}
