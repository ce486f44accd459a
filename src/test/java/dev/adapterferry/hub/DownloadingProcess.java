package dev.adapterferry.hub;

import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.transfer.Bandwidth;
import dev.adapterferry.transfer.TransferTerms;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** A download of a base as a process of its own, so that a test can kill it: the hub, the cache, bytes per second. */
public final class DownloadingProcess {
    private DownloadingProcess() { }

    public static void main(String[] args) {
        HubTerms terms = new HubTerms(URI.create(args[0]), Optional.empty(), Path.of(args[1]), false, 3, Duration.ofSeconds(20));
        BaseResolver.Base base = new BaseResolver(terms, () -> new HubApi(new JdkHttpCaller(), terms)).resolve("org/tiny", "main",
                new TransferTerms(new Bandwidth(Long.parseLong(args[2])), Progress.NONE, new Cancellation()));
        System.out.println(base.origin());
    }
}
