package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.builder.NotifyBuilder;
import org.apache.camel.component.seda.SedaComponent;
import org.apache.camel.processor.errorhandler.RedeliveryPolicy;
import org.apache.camel.spi.Registry;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.test.junit5.CamelTestSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the real route files of the passage with recording beans: what is called in which order, what is retried, what is buried. */
class PipelineRoutesTest extends CamelTestSupport {
    @TempDir
    static Path failed;

    private final List<String> calls = new ArrayList<>();
    private String failingStage;
    private RuntimeException failure;
    private int failures;
    private boolean mayGoOn;

    /** Stands for every bean that the passage names. */
    public final class Recorder {
        public void begin(Exchange exchange) {
            exchange.getMessage().setHeader(FerryHeaders.RUN, exchange.getMessage().getBody(String.class));
            exchange.getMessage().setHeader(FerryHeaders.MODEL, "majora");
            calls.add("begin");
        }

        public void open() {
            calls.add("open");
        }

        public boolean isDue(Exchange exchange) {
            return !"deploy".equals(exchange.getMessage().getHeader(FerryHeaders.STAGE));
        }

        public boolean mayGoOn() {
            return mayGoOn;
        }

        public void failed(Exchange exchange) {
            calls.add("failed " + exchange.getMessage().getHeader(FerryHeaders.STAGE));
        }

        public void carry(Exchange exchange) {
            String stage = exchange.getMessage().getHeader(FerryHeaders.STAGE, String.class);
            calls.add(stage);
            if (stage.equals(failingStage) && failures-- > 0) {
                throw failure;
            }
        }

        public void finish() {
            calls.add("finish");
        }

        public void fail(Exchange exchange) {
            calls.add("buried " + exchange.getMessage().getHeader(FerryHeaders.STAGE) + ": " + RunsBean.caught(exchange).getMessage());
        }

        public void cancel() {
            calls.add("cancelled");
        }

        public void letter(Exchange exchange) {
            exchange.getMessage().setBody("{\"run\":\"" + exchange.getMessage().getHeader(FerryHeaders.RUN) + "\"}");
        }

        public void compose(Exchange exchange) {
            exchange.getMessage().setBody(null);
        }
    }

    @Override
    protected void bindToRegistry(Registry registry) {
        for (String bean : List.of("runs", "stages", "downloadStage", "mergeStage", "quantizeStage", "deployStage", "healthStage", "evaluateStage", "alerts")) {
            registry.bind(bean, new Recorder());
        }
        for (String tell : List.of("tellStarted", "tellFinished", "tellFailed", "tellInstance")) {
            registry.bind(tell, new Tell(tell));
        }
        RedeliveryPolicy healing = new RedeliveryPolicy();
        healing.setMaximumRedeliveries(2);
        healing.setRedeliveryDelay(1);
        registry.bind("healing", healing);
        registry.bind("patience", (Processor) exchange -> calls.add("wait"));
        RedeliveryPolicy quiet = new RedeliveryPolicy();
        quiet.setMaximumRedeliveries(0);
        registry.bind("quietFailure", quiet);
    }

    @Override
    protected Properties useOverridePropertiesWithPropertiesComponent() {
        Properties properties = new Properties();
        for (String[] stage : new String[][] {{"download", "download-adapter"}, {"merge", "merge-adapter"}, {"quantize", "quantize-model"}, {"deploy", "deploy-model"},
                {"health-check", "check-health"}, {"evaluate", "evaluate-model"}}) {
            properties.setProperty("stage." + stage[0], "direct:" + stage[1]);
        }
        properties.setProperty("daemon.enabled", "false");
        properties.setProperty("pipeline.max-concurrent-runs", "1");
        properties.setProperty("alerts.endpoint", "seda:alerts");
        for (String channel : List.of("slack", "discord", "webhook", "email")) {
            properties.setProperty("alerts." + channel + ".enabled", "false");
        }
        properties.setProperty("failed.path", failed.toString());
        return properties;
    }

    @Override
    protected RoutesBuilder[] createRouteBuilders() {
        return new RoutesBuilder[0];
    }

    @BeforeEach
    void loadTheRealFiles() throws Exception {
        context.getComponent("seda", SedaComponent.class).setDefaultPollTimeout(20);
        List<Resource> resources = new ArrayList<>();
        for (String name : List.of("pipeline", "download-adapter", "merge-adapter", "quantize-model", "deploy-model", "check-health", "evaluate-model", "error-handling", "dead-letter",
                "alerts")) {
            resources.add(PluginHelper.getResourceLoader(context).resolveResource("file:routes/" + name + ".camel.yaml"));
        }
        PluginHelper.getRoutesLoader(context).loadRoutes(resources);
    }

    private void carry() {
        template.sendBody("direct:pipeline", "run-1");
    }

    @Test
    void callsTheStagesInOrderAndLeavesOutWhatIsNotDue() {
        carry();
        assertThat(calls).containsExactly("begin", "download", "merge", "quantize", "health-check", "evaluate", "finish");
    }

    @Test
    void triesAgainWhatCanHeal() {
        failingStage = "download";
        failure = new TransientFailure("the network is down");
        failures = 2;
        carry();
        assertThat(calls).containsExactly("begin", "download", "wait", "download", "wait", "download", "merge", "quantize", "health-check", "evaluate", "finish");
    }

    @Test
    void buriesAtOnceWhatCannotHealAndKeepsTheLetter() throws IOException {
        failingStage = "merge";
        failure = new FerryException("the adapter has rank 8, its configuration says 16");
        failures = 99;
        carry();
        assertThat(calls).containsExactly("begin", "download", "merge", "buried merge: the adapter has rank 8, its configuration says 16");
        try (Stream<Path> letters = Files.list(failed)) {
            assertThat(letters.map(f -> f.getFileName().toString())).contains("run-1.json");
        }
    }

    @Test
    void givesUpWhatDoesNotHealInTime() {
        failingStage = "download";
        failure = new TransientFailure("the network is down");
        failures = 99;
        carry();
        assertThat(calls).containsExactly("begin", "download", "wait", "download", "wait", "download", "buried download: the network is down");
    }

    @Test
    void goesOnAfterAStageThatMayFail() {
        failingStage = "evaluate";
        failure = new FerryException("no prompt set");
        failures = 99;
        mayGoOn = true;
        carry();
        assertThat(calls).endsWith("evaluate", "failed evaluate", "finish");
    }

    @Test
    void tellsTheAlertsOfEveryEnd() {
        NotifyBuilder told = new NotifyBuilder(context).fromRoute("alerts").whenDone(3).create();
        carry();
        assertThat(told.matches(10, TimeUnit.SECONDS)).as("started, the instance and finished reach the alerts").isTrue();
    }
}
