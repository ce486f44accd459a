package dev.adapterferry.ledger;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/**
 * Where SQLite and PostgreSQL differ. All other statements are the same text for both; {@code ON CONFLICT} and partial indexes,
 * which the standard lacks, are spelt alike by them.
 */
enum Dialect {
    /** A file, shared by the processes of one machine. Write-ahead log, so that readers do not wait for the writer. */
    SQLITE("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", "INTEGER PRIMARY KEY AUTOINCREMENT",
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?") {
        @Override
        Driver driver() {
            return new org.sqlite.JDBC();
        }

        @Override
        void prepare(Properties properties) {
            // IMMEDIATE: a transaction that reads first and writes later would otherwise fail when another wrote in between.
            properties.setProperty("transaction_mode", "IMMEDIATE");
            properties.setProperty("busy_timeout", Integer.toString(BUSY_MILLIS));
            properties.setProperty("journal_mode", "WAL");
            // Consistent after any crash; a power cut may undo the last moments, and the stages' own records make up for it.
            properties.setProperty("synchronous", "NORMAL");
        }

        @Override
        void lockSchema(Connection connection) {
            // An IMMEDIATE transaction is alone already.
        }

        @Override
        boolean heals(SQLException e) {
            int code = e.getErrorCode() & 0xff;
            return code == 5 || code == 6;
        }
    },

    /** A server, shared by several machines. */
    POSTGRESQL("CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?") {
        @Override
        Driver driver() {
            return new org.postgresql.Driver();
        }

        @Override
        void prepare(Properties properties) {
            properties.setProperty("ApplicationName", "adapter-ferry");
            properties.setProperty("connectTimeout", "10");
            properties.setProperty("tcpKeepAlive", "true");
        }

        @Override
        void lockSchema(Connection connection) throws SQLException {
            try (Statement statement = connection.createStatement()) {
                statement.execute("SELECT pg_advisory_xact_lock(7305808868231901)");
            }
        }

        @Override
        boolean heals(SQLException e) {
            String state = e.getSQLState() == null ? "" : e.getSQLState();
            // Connection lost, server shutting down or starting, serialization failure, deadlock, too many connections.
            return state.startsWith("08") || state.startsWith("57P") || state.equals("40001") || state.equals("40P01") || state.equals("53300");
        }
    };

    /** How long a statement waits for another process's write. */
    static final int BUSY_MILLIS = 10_000;

    /** Whether a run belongs to the machine on which it was asked for, since its folders are there. A file has one machine, whatever that is called today. */
    boolean isShared() {
        return this == POSTGRESQL;
    }

    /** The database's clock in milliseconds since 1970: leases must not depend on the clocks of several machines. */
    final String now;

    /** Type of a column that counts up by itself. */
    final String counter;

    /** Finds a table by its name; the drivers' own answer reads the whole catalogue. */
    final String tableNamed;

    Dialect(String now, String counter, String tableNamed) {
        this.now = now;
        this.counter = counter;
        this.tableNamed = tableNamed;
    }

    static Dialect of(String url) {
        return url.startsWith("jdbc:postgresql:") ? POSTGRESQL : SQLITE;
    }

    /** The driver itself: asking DriverManager would load every driver there is. */
    abstract Driver driver();

    /** Sets what connections of this kind need. */
    abstract void prepare(Properties properties);

    /** Makes the current transaction the only one that changes the schema. */
    abstract void lockSchema(Connection connection) throws SQLException;

    /** Whether the same statement may succeed later. */
    abstract boolean heals(SQLException e);
}
