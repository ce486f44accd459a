package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A cancellation reaches whatever a run is doing or waiting for: connections are closed, processes end, nothing counts as a failure, and what came is kept. */
@DisabledOnOs(OS.WINDOWS)
class CancelledWorkIT {
    /** Of several alike one is tried here; the benchmark tries all. */
    private static final List<String> ALIKE = List.of("scp", "a question to the hub", "a small file", "a listing", "a question of the health check");

    @TempDir
    Path folder;

    @Test
    void stopsEveryKindOfWorkAndDoesItWhenItIsAskedAgain() throws Exception {
        List<String> alerts = new CopyOnWriteArrayList<>();
        HttpServer receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        receiver.createContext("/", exchange -> {
            alerts.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        receiver.start();
        try (WorkToCancel work = new WorkToCancel(folder, "http://127.0.0.1:" + receiver.getAddress().getPort() + "/", Optional.empty())) {
            for (WorkToCancel.Kind kind : work.kinds().stream().filter(kind -> ALIKE.stream().noneMatch(kind.name()::startsWith)).toList()) {
                WorkToCancel.Stopped stopped = work.stop(kind);
                assertThat(stopped.run().state()).as(kind + ": " + stopped.run().error()).isEqualTo(RunState.CANCELLED);
                assertThat(work.ledger().stages().of(stopped.run().id())).as(kind.name()).noneMatch(stage -> stage.error().isPresent());
                if (kind.resumed()) {
                    Run again = work.again(stopped.run());
                    assertThat(again.state()).as(kind + ": " + again.error()).isEqualTo(RunState.DONE);
                    if (kind.name().startsWith("an SFTP transfer")) {
                        Facts.Downloaded downloaded = new Records(again.folder()).get(Stage.DOWNLOAD, Facts.Downloaded.class);
                        long whole = downloaded.items().stream().mapToLong(Facts.Item::bytes).sum();
                        assertThat(downloaded.bytes()).as("what had come was kept").isPositive().isLessThan(whole - (1 << 20));
                    }
                }
            }
            assertThat(work.ledger().letters().open()).as("dead letters").isEmpty();
        } finally {
            receiver.stop(0);
        }
        assertThat(alerts).as("alerts of failures").isEmpty();
        try (Stream<Path> letters = Files.isDirectory(folder.resolve("home/failed")) ? Files.list(folder.resolve("home/failed")) : Stream.empty()) {
            assertThat(letters).isEmpty();
        }
    }
}
