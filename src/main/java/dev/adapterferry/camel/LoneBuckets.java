package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.source.ObjectStore;
import dev.adapterferry.stage.AdapterSources;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.main.Main;

/**
 * Object stores for a command that only looks: the route {@code bucket-calls} alone, started when the first bucket is asked for. No ledger is
 * opened, nothing is written, no other route runs.
 */
public final class LoneBuckets implements AdapterSources.BucketChoice, AutoCloseable {
    private static final List<String> FILES = List.of("bucket-calls.camel.yaml", "error-handling.camel.yaml");

    private final Settings settings;
    private final Path camelOptions;
    private final Templates templates = new Templates();
    private Main main;

    /**
     * @param settings     names the store and the folder of the routes
     * @param installation holds {@code config/application.properties}
     */
    public LoneBuckets(Settings settings, Path installation) {
        this.settings = settings;
        this.camelOptions = installation.resolve("config").resolve("application.properties");
    }

    @Override
    public synchronized ObjectStore open(String bucket) {
        if (main == null) {
            main = start();
            templates.set(main.getCamelContext().createProducerTemplate());
        }
        return new CamelBuckets(templates, bucket);
    }

    private Main start() {
        Path folder = settings.routes().path();
        FILES.stream().map(folder::resolve).filter(file -> !Files.isRegularFile(file)).findFirst().ifPresent(file -> {
            throw new FerryException("Cannot look into a bucket: there is no " + file + ", which holds the route for it. Set routes.path, or start ferry from its installation.");
        });
        Main alone = new Main();
        alone.setDefaultPropertyPlaceholderLocation("false");
        if (Files.isRegularFile(camelOptions)) {
            alone.setPropertyPlaceholderLocations("file:" + camelOptions.toAbsolutePath());
        }
        alone.setOverrideProperties(RouteProperties.of(settings, false));
        alone.configure().withRoutesIncludePattern(FILES.stream().map(file -> "file:" + folder.resolve(file).toAbsolutePath()).collect(Collectors.joining(",")));
        alone.bind("quietFailure", Wiring.quietFailure());
        alone.bind(MicrometerConstants.METRICS_REGISTRY_NAME, new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        try {
            alone.start();
        } catch (Exception e) {
            alone.stop();
            throw new FerryException("Cannot start the route for buckets (" + folder.resolve(FILES.getFirst()) + "): " + RouteGeneration.innermost(e) + ".", e);
        }
        return alone;
    }

    @Override
    public synchronized void close() {
        if (main != null) {
            main.stop();
        }
    }
}
