package dev.adapterferry.ledger;

import dev.adapterferry.progress.Cancellation;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Another process that uses the same ledger; both what the test holds of it and what runs in it. */
final class LedgerProcess implements AutoCloseable {
    private final Process process;
    private final BufferedReader lines;

    LedgerProcess(String url, Optional<String> user, Path folder, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), LedgerProcess.class.getName(), url, user.orElse(""), folder.toString()));
        command.addAll(List.of(arguments));
        process = new ProcessBuilder(command).redirectError(folder.resolve("process-" + System.nanoTime() + ".err").toFile()).start();
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    long pid() {
        return process.pid();
    }

    void awaitLine(String wanted) throws IOException {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.equals(wanted)) {
                return;
            }
        }
        throw new AssertionError("the other process ended without saying '" + wanted + "'");
    }

    void say(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** As {@code kill -9} does. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor(30, TimeUnit.SECONDS);
    }

    void stop() throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-STOP", Long.toString(pid())).start().waitFor();
    }

    void go() throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-CONT", Long.toString(pid())).start().waitFor();
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }

    public static void main(String[] arguments) throws Exception {
        Optional<String> user = Optional.of(arguments[1]).filter(name -> !name.isEmpty());
        try (Ledger ledger = Ledger.open(arguments[0], user, Optional.empty(), LedgerFixture.LEASE)) {
            switch (arguments[3]) {
                case "open" -> {
                    ledger.runs().open(arguments[4], "command", "{}", "a", Path.of(arguments[2]));
                    System.out.println("opened");
                }
                case "claim" -> {
                    ledger.runs().claim(arguments[4], new Cancellation()).orElseThrow();
                    System.out.println("claimed");
                    Thread.sleep(Duration.ofMinutes(5));
                }
                case "carry" -> {
                    Cancellation cancellation = new Cancellation();
                    ledger.runs().claim(arguments[4], cancellation).orElseThrow();
                    System.out.println("claimed");
                    while (!cancellation.isRequested()) {
                        Thread.sleep(20);
                    }
                    System.out.println("ended: " + ledger.runs().end(arguments[4], RunState.CANCELLED, null));
                }
                case "lock" -> lock(ledger, arguments[4]);
                case "count" -> {
                    for (int i = 0; i < Integer.parseInt(arguments[5]); i++) {
                        try (Lease lease = ledger.locks().acquire("count", null, Duration.ofMinutes(1), new Cancellation())) {
                            Path counter = Path.of(arguments[4]);
                            int before = Integer.parseInt(Files.readString(counter));
                            Thread.sleep(2);
                            lease.check();
                            Files.writeString(counter, Integer.toString(before + 1));
                        }
                    }
                    System.out.println("counted");
                }
                default -> throw new IllegalArgumentException(arguments[3]);
            }
        }
    }

    private static void lock(Ledger ledger, String name) throws Exception {
        Cancellation cancellation = new Cancellation();
        Lease lease = ledger.locks().tryAcquire(name, null, cancellation).orElseThrow();
        System.out.println("locked");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        while (!input.ready()) {
            if (cancellation.isRequested()) {
                System.out.println(lease.isHeld() ? "held" : "lost");
                return;
            }
            Thread.sleep(50);
        }
        lease.close();
        System.out.println("released");
    }
}
