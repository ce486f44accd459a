package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.secret.Redaction;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.function.Supplier;

/**
 * One connection, used by one thread at a time and opened again after it broke. The ledger's statements take milliseconds, so
 * more connections would only wait for each other. Every text on its way in is redacted.
 */
final class Database implements AutoCloseable {
    private final String url;
    private final Optional<String> user;
    private final Optional<Secret> password;
    private final Dialect dialect;
    private Connection connection;
    private boolean transaction;
    private boolean closed;

    Database(String url, Optional<String> user, Optional<Secret> password) {
        this.url = url;
        this.user = user;
        this.password = password;
        this.dialect = Dialect.of(url);
        synchronized (this) {
            run("open", this::connection);
        }
    }

    /** A row to a value. */
    @FunctionalInterface
    interface Reading<T> {
        T read(ResultSet row) throws SQLException;
    }

    @FunctionalInterface
    private interface Work<T> {
        T run() throws SQLException;
    }

    Dialect dialect() {
        return dialect;
    }

    /** All rows of a query. */
    synchronized <T> List<T> list(String sql, Reading<T> reading, Object... values) {
        return run("read", () -> {
            try (PreparedStatement statement = prepared(sql, values); ResultSet rows = statement.executeQuery()) {
                List<T> all = new ArrayList<>();
                while (rows.next()) {
                    all.add(reading.read(rows));
                }
                return all;
            }
        });
    }

    /** The first row of a query. */
    <T> Optional<T> find(String sql, Reading<T> reading, Object... values) {
        return list(sql, reading, values).stream().findFirst();
    }

    /**
     * Changes rows.
     *
     * @return how many
     */
    synchronized int update(String sql, Object... values) {
        return run("write to", () -> {
            try (PreparedStatement statement = prepared(sql, values)) {
                return statement.executeUpdate();
            }
        });
    }

    /** Several statements that hold together or not at all. */
    synchronized <T> T together(Supplier<T> statements) {
        if (transaction) {
            return statements.get();
        }
        return run("write to", () -> {
            Connection open = connection();
            open.setAutoCommit(false);
            transaction = true;
            try {
                T result = statements.get();
                open.commit();
                return result;
            } catch (SQLException | RuntimeException e) {
                undo(open, e);
                throw e;
            } finally {
                transaction = false;
                if (!open.isClosed()) {
                    open.setAutoCommit(true);
                }
            }
        });
    }

    @Override
    public synchronized void close() {
        closed = true;
        drop();
    }

    private static void undo(Connection open, Exception cause) {
        try {
            open.rollback();
        } catch (SQLException e) {
            cause.addSuppressed(e);
        }
    }

    private PreparedStatement prepared(String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection().prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i] instanceof String text ? Redaction.redact(text) : values[i]);
        }
        return statement;
    }

    private <T> T run(String act, Work<T> work) {
        try {
            return work.run();
        } catch (SQLException e) {
            String sentence = "Cannot " + act + " the ledger " + Redaction.redact(url) + ": " + reason(e);
            boolean heals = dialect.heals(e);
            if (!transaction && dialect == Dialect.POSTGRESQL && heals) {
                drop();
            }
            throw heals ? new TransientFailure(sentence, e) : new FerryException(sentence, e);
        }
    }

    private static String reason(SQLException e) {
        String first = Redaction.redact(String.valueOf(e.getMessage())).lines().findFirst().orElse("").strip();
        return first.endsWith(".") ? first : first + ".";
    }

    private Connection connection() throws SQLException {
        if (closed) {
            throw new IllegalStateException("the ledger is closed");
        }
        if (connection == null || connection.isClosed()) {
            Properties properties = new Properties();
            dialect.prepare(properties);
            // What the address itself says goes before our choice.
            properties.stringPropertyNames().stream().filter(name -> url.contains(name + "=")).forEach(properties::remove);
            user.ifPresent(name -> properties.setProperty("user", name));
            password.ifPresent(secret -> properties.setProperty("password", secret.reveal()));
            makeFolder();
            Connection fresh = dialect.driver().connect(url, properties);
            try {
                new Schema(dialect).bringUp(fresh, Redaction.redact(url));
            } catch (SQLException | RuntimeException e) {
                fresh.close();
                throw e;
            }
            connection = fresh;
        }
        return connection;
    }

    private void makeFolder() {
        String file = url.replaceFirst("^jdbc:sqlite:(file:)?", "").replaceFirst("\\?.*$", "");
        if (dialect != Dialect.SQLITE || file.isEmpty() || file.startsWith(":")) {
            return;
        }
        try {
            Files.createDirectories(Path.of(file).toAbsolutePath().getParent());
        } catch (IOException e) {
            throw new FerryException("Cannot make the folder of the ledger " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private void drop() {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (SQLException e) {
            // A broken connection that does not close is gone all the same.
        }
        connection = null;
    }
}
