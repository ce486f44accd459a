package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.Pause;
import dev.adapterferry.transfer.Transfer;
import dev.adapterferry.transfer.TransferTerms;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files through the {@code rsync} program, where both sides have it. Writes in place and lets rsync's own block comparison
 * resume what an earlier attempt left, whatever left it; never by length alone.
 */
public final class RsyncTransfer implements Transfer {
    private static final Logger LOG = LoggerFactory.getLogger(RsyncTransfer.class);
    private static final Pattern PERCENT = Pattern.compile("\\s*([\\d,.]+)\\s+\\d{1,3}%.*");
    private static final Pattern RECEIVED = Pattern.compile("Total bytes received: ([\\d,.]+)");
    /** Exit values after which another attempt may do: socket, protocol stream, timeouts, and ssh's own 255. */
    private static final List<Integer> PASSING = List.of(10, 12, 30, 35, 255);
    private static final int MAX_WORDS = 16 << 10;

    private final SshConnection connection;
    private final String folder;
    private final SftpTransfer.Terms terms;

    /**
     * @param connection the connection that found the machine: its address, keys and known host are used again
     * @param folder     real path of the folder there
     * @param terms      patience; the number of channels does not matter
     */
    public RsyncTransfer(SshConnection connection, String folder, SftpTransfer.Terms terms) {
        this.connection = connection;
        this.folder = folder;
        this.terms = terms;
    }

    /** Whether this side has the programs. */
    static boolean isInstalledHere() {
        String path = System.getenv("PATH");
        return path != null && List.of("rsync", "ssh").stream().allMatch(program -> java.util.Arrays.stream(path.split(":"))
                .anyMatch(dir -> !dir.isEmpty() && Files.isExecutable(Path.of(dir, program))));
    }

    @Override
    public String method() {
        return "rsync";
    }

    @Override
    public Received fetch(FileEntry file, Path part, TransferTerms transfer) {
        long received = 0;
        for (int attempt = 1; ; attempt++) {
            Run run = new Run(file, transfer);
            int exit = run.await(command(file, part, transfer));
            received += run.received;
            if (exit == 0) {
                Checksum sha256 = Checksum.of(part, Checksum.Kind.SHA256, transfer.cancellation());
                return new Received(sha256, received, Math.max(0, file.size() - received));
            }
            String reason = "rsync ended with status " + exit + (run.words.isEmpty() ? "" : " (" + FramedShell.clip(run.words.toString()) + ")");
            if (!PASSING.contains(exit)) {
                throw new FerryException("Cannot pull " + file.name() + " from " + connection.target().name() + ": " + reason + ".");
            }
            if (attempt >= terms.attempts()) {
                throw new TransientFailure("Cannot pull " + file.name() + " from " + connection.target().name() + ": " + reason + " in " + attempt
                        + " attempts. What came is kept; run the same command to go on.");
            }
            LOG.info("rsync of {} broke: {}; trying again", file.name(), reason);
            transfer.cancellation().check("pulling " + file.name());
            Pause.SLEEP.pause(Duration.ofMillis(500L << Math.min(6, attempt - 1)));
        }
    }

    private List<String> command(FileEntry file, Path part, TransferTerms transfer) {
        List<String> command = new ArrayList<>(List.of("rsync", "--inplace", "--no-whole-file", "--ignore-times", "--copy-links", "--protect-args", "--no-human-readable",
                "--info=progress2", "--stats", "--outbuf=L", "--timeout=" + Math.max(1, terms.stall().toSeconds()), "-e", ExternalSsh.forRsync(ExternalSsh.command(connection))));
        long limit = transfer.bandwidth().bytesPerSecond();
        if (limit > 0) {
            command.add("--bwlimit=" + Math.max(1, limit >> 10));
        }
        String host = connection.endpoint().host();
        command.add((host.contains(":") ? "[" + host + "]" : host) + ":" + folder + "/" + file.name());
        command.add(part.toAbsolutePath().toString());
        return command;
    }

    /** One run of the program. */
    private final class Run {
        private final FileEntry file;
        private final TransferTerms transfer;
        private final StringBuffer words = new StringBuffer();
        private long received;

        Run(FileEntry file, TransferTerms transfer) {
            this.file = file;
            this.transfer = transfer;
        }

        int await(List<String> command) {
            ProcessBuilder builder = new ProcessBuilder(command);
            Path askpass = ExternalSsh.prepare(builder.environment(), connection.access().login());
            Process process = null;
            try {
                process = builder.start();
                process.getOutputStream().close();
                InputStream errors = process.getErrorStream();
                CompletableFuture<Void> said = CompletableFuture.runAsync(() -> drain(errors), task -> Thread.ofPlatform().daemon().name("rsync-errors").start(task));
                Process running = process;
                int exit;
                try (Cancellation.Hook _ = transfer.cancellation().onRequest(() -> end(running))) {
                    read(process.getInputStream());
                    exit = process.waitFor();
                }
                said.get(5, TimeUnit.SECONDS);
                transfer.cancellation().check("pulling " + file.name());
                return exit;
            } catch (IOException e) {
                // Ending the program closes its output under whoever reads it.
                transfer.cancellation().check("pulling " + file.name());
                throw new FerryException("Cannot run rsync: " + Durable.reason(e) + ". Install rsync, or set source.transfer to sftp.", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Cancelled("pulling " + file.name());
            } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
                throw new TransientFailure("Cannot pull " + file.name() + ": the errors of rsync could not be read.", e);
            } finally {
                if (process != null) {
                    end(process);
                }
                if (askpass != null) {
                    delete(askpass);
                }
            }
        }

        private void read(InputStream output) throws IOException {
            Reader reader = new InputStreamReader(output, StandardCharsets.UTF_8);
            StringBuilder line = new StringBuilder();
            for (int c = reader.read(); c >= 0; c = reader.read()) {
                if (c != '\r' && c != '\n') {
                    if (line.length() < 1000) {
                        line.append((char) c);
                    }
                    continue;
                }
                Matcher percent = PERCENT.matcher(line);
                Matcher bytes = RECEIVED.matcher(line);
                if (percent.matches()) {
                    transfer.progress().report(new Progress.Step("pulling " + file.name(), Math.min(file.size(), number(percent.group(1))), file.size(), Progress.Unit.BYTES));
                } else if (bytes.matches()) {
                    received = number(bytes.group(1));
                }
                line.setLength(0);
            }
        }

        private void drain(InputStream errors) {
            try (Reader reader = new InputStreamReader(errors, StandardCharsets.UTF_8)) {
                for (int c = reader.read(); c >= 0; c = reader.read()) {
                    if (words.length() < MAX_WORDS) {
                        words.append((char) c);
                    }
                }
            } catch (IOException e) {
                words.append("(its errors could not be read)");
            }
        }

        private static void end(Process process) {
            process.descendants().forEach(ProcessHandle::destroy);
            process.destroy();
        }

        private static void delete(Path file) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                LOG.warn("Cannot delete {}: {}", file, Durable.reason(e));
            }
        }

        private static long number(String digits) {
            String plain = digits.replaceAll("[.,]", "");
            return plain.length() > 18 ? Long.MAX_VALUE : Long.parseLong(plain);
        }
    }
}
