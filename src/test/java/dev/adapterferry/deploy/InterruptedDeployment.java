package dev.adapterferry.deploy;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A process that deploys and can be killed at a chosen point: it stops at one of its progress reports and waits there.
 * Arguments: models directory, store, way, report to stop at (0: none), then the files.
 */
final class InterruptedDeployment {
    private InterruptedDeployment() { }

    public static void main(String[] arguments) {
        int stopAt = Integer.parseInt(arguments[3]);
        AtomicInteger reports = new AtomicInteger();
        Progress progress = step -> {
            if (reports.incrementAndGet() == stopAt) {
                System.out.println("here: " + step.activity());
                System.out.flush();
                waitForTheEnd();
            }
        };
        System.out.println("begin");
        System.out.flush();
        List<Candidate.Item> items = Arrays.stream(arguments).skip(4).map(Path::of)
                .map(file -> Candidate.Item.of(file, file.getFileName().toString().replaceAll(".*-|\\.gguf", ""), null)).toList();
        Installation.Options options = new Installation.Options(Placement.Way.valueOf(arguments[2]), 3, () -> { }, path -> Long.MAX_VALUE, Clock.systemUTC(), progress, new Cancellation());
        new Installation(new ModelFolder(Path.of(arguments[0]), "acme", "majora"), new ReleaseStore(Path.of(arguments[1])), options).install(new Candidate("majora", items, Map.of()));
        System.out.println("done after " + reports.get());

    }

    private static void waitForTheEnd() {
        try {
            Thread.sleep(60_000);
            System.exit(9);
        } catch (InterruptedException e) {
            System.exit(9);
        }
    }
}
