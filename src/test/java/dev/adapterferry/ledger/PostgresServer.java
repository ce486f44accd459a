package dev.adapterferry.ledger;

import dev.adapterferry.files.Folders;
import dev.adapterferry.waiting.Ports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * A PostgreSQL server of the test's own: made from Debian's package in a new folder, on a free loopback port, gone afterwards.
 * PostgreSQL refuses to run as root, so root hands it to the package's user.
 */
final class PostgresServer {
    static final String USER = "ferry";
    private static final AtomicInteger DATABASES = new AtomicInteger();
    private static PostgresServer running;

    private final Path bin;
    private final Path data;
    private final int port;
    private final Process process;

    private PostgresServer(Path bin) throws Exception {
        this.bin = bin;
        this.data = folder();
        run("initdb", "-D", data.resolve("db").toString(), "-A", "trust", "-U", USER, "-E", "UTF8", "--no-sync", "--no-instructions");
        port = Ports.free();
        process = new ProcessBuilder(command("postgres", "-D", data.resolve("db").toString(), "-p", Integer.toString(port), "-c", "listen_addresses=127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=60")).redirectErrorStream(true).redirectOutput(data.resolve("log").toFile()).start();
        Runtime.getRuntime().addShutdownHook(new Thread(this::end));
        LedgerFixture.await("PostgreSQL", this::answers);
    }

    /** The server, started when it is first asked for; the test is skipped where PostgreSQL is not installed. */
    static synchronized PostgresServer getOrSkip() throws Exception {
        if (running == null) {
            Optional<Path> bin = find();
            Assumptions.assumeTrue(bin.isPresent(), "skipped: PostgreSQL is not installed (Debian package postgresql)");
            running = new PostgresServer(bin.get());
        }
        return running;
    }

    /** JDBC address of a new, empty database. */
    String newDatabase() throws SQLException {
        String name = "ledger_" + DATABASES.incrementAndGet();
        execute("CREATE DATABASE " + name);
        return url(name);
    }

    void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url("postgres"), USER, null); Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private String url(String database) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
    }

    private boolean answers() {
        if (!process.isAlive()) {
            throw new AssertionError("PostgreSQL ended at once; see " + data.resolve("log"));
        }
        try {
            execute("SELECT 1");
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    private static Optional<Path> find() throws IOException {
        List<Path> folders = new ArrayList<>();
        if (Files.isDirectory(Path.of("/usr/lib/postgresql"))) {
            try (Stream<Path> versions = Files.list(Path.of("/usr/lib/postgresql"))) {
                versions.sorted(Comparator.reverseOrder()).map(version -> version.resolve("bin")).forEach(folders::add);
            }
        }
        for (String folder : System.getenv("PATH").split(":")) {
            folders.add(Path.of(folder));
        }
        return folders.stream().filter(folder -> Files.isExecutable(folder.resolve("initdb")) && Files.isExecutable(folder.resolve("postgres"))).findFirst();
    }

    /** Under target/ where the server's user may go there, else in the system's folder for temporary files. */
    private Path folder() throws Exception {
        Path inside = Files.createTempDirectory(Files.createDirectories(Path.of("target").toAbsolutePath()), "postgres-");
        if (!root()) {
            return inside;
        }
        for (Path folder : List.of(inside, Files.createTempDirectory("postgres-"))) {
            new ProcessBuilder("chown", user(), folder.toString()).inheritIO().start().waitFor();
            if (new ProcessBuilder(asUser(List.of("test", "-w", folder.toString()))).start().waitFor() == 0) {
                return folder;
            }
        }
        throw new AssertionError("user " + user() + " may not write to any folder");
    }

    private void run(String program, String... arguments) throws Exception {
        Process child = new ProcessBuilder(command(program, arguments)).redirectErrorStream(true).start();
        String output = new String(child.getInputStream().readAllBytes());
        if (child.waitFor() != 0) {
            throw new AssertionError(program + ": " + output);
        }
    }

    private List<String> command(String program, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(bin.resolve(program).toString()));
        command.addAll(List.of(arguments));
        return root() ? asUser(command) : command;
    }

    /** setpriv becomes the program, so that signals reach it. */
    private static List<String> asUser(List<String> command) throws IOException {
        List<String> all = new ArrayList<>(List.of("setpriv", "--reuid=" + user(), "--regid=" + group(), "--clear-groups"));
        all.addAll(command);
        return all;
    }

    private static boolean root() {
        return System.getProperty("user.name").equals("root");
    }

    private static String user() throws IOException {
        return passwd("postgres").isPresent() ? "postgres" : "nobody";
    }

    private static String group() throws IOException {
        return passwd(user()).orElseThrow()[3];
    }

    private static Optional<String[]> passwd(String user) throws IOException {
        return Files.readAllLines(Path.of("/etc/passwd")).stream().map(line -> line.split(":")).filter(fields -> fields[0].equals(user)).findFirst();
    }

    private void end() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
            }
            Folders.delete(data);
        } catch (IOException | InterruptedException e) {
            // The folder lies under target/ or in the system's temporary files.
        }
    }
}
