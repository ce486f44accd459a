package dev.adapterferry.stage;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses a run while its adapter is still elsewhere, when what it would bring could not be converted: nothing is transferred for a
 * base of an architecture that is not supported. A hub that does not answer refuses nothing; the base is asked for again when it is needed.
 */
final class BaseGate {
    private static final Logger LOG = LoggerFactory.getLogger(BaseGate.class);

    private final LocalBases bases;

    /** @param bases finds bases */
    BaseGate(LocalBases bases) {
        this.bases = bases;
    }

    /**
     * Looks at the base that request or settings name. Where only the adapter can name it, gives the one who has to be asked with the adapter's
     * configuration.
     *
     * @throws dev.adapterferry.failure.FerryException when the base cannot be converted
     */
    Optional<Consumer<byte[]>> enter(RunContext run) {
        if (!run.request().wants(Stage.QUANTIZE) || !run.settings().pipeline().stages().contains(Stage.QUANTIZE)) {
            return Optional.empty();
        }
        if (!LocalBases.isNamed(run)) {
            return Optional.of(config -> look(run, Optional.of(AdapterConfig.parse(Path.of("adapter_config.json"), config))));
        }
        look(run, Optional.empty());
        return Optional.empty();
    }

    private void look(RunContext run, Optional<AdapterConfig> adapter) {
        try {
            bases.requireConvertible(run, adapter);
        } catch (TransientFailure e) {
            LOG.warn("The base of {} could not be looked at before the adapter comes: {}", run.name(), e.getMessage());
        }
    }
}
