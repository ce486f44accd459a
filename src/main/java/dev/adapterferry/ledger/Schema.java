package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * The tables, version by version. A ledger is brought to the newest version when it is opened; a version once released is never
 * edited, changes are a new one at the end. Times are ISO 8601 texts in UTC (they sort, and people read them); leases are
 * milliseconds by the database's own clock.
 */
final class Schema {
    private static final List<List<String>> VERSIONS = List.of(List.of(
            """
            CREATE TABLE runs (
              seq        {counter},
              id         TEXT NOT NULL UNIQUE,
              model      TEXT NOT NULL,
              state      TEXT NOT NULL,
              started_by TEXT NOT NULL,
              request    TEXT NOT NULL,
              asked      TEXT NOT NULL,
              created    TEXT NOT NULL,
              started    TEXT,
              ended      TEXT,
              error      TEXT,
              folder     TEXT NOT NULL,
              host       TEXT NOT NULL,
              owner      TEXT,
              resumed    INTEGER NOT NULL DEFAULT 0,
              cancelled  INTEGER NOT NULL DEFAULT 0)""",
            "CREATE INDEX runs_by_state ON runs (state, seq)",
            "CREATE INDEX runs_by_model ON runs (model, seq)",
            // Asking for what is under way already joins it; the index makes that hold across processes.
            "CREATE UNIQUE INDEX runs_open_once ON runs (model, asked) WHERE state IN ('queued', 'running')",
            """
            CREATE TABLE stages (
              run       TEXT NOT NULL,
              name      TEXT NOT NULL,
              state     TEXT NOT NULL,
              stage_key TEXT,
              attempt   INTEGER NOT NULL,
              started   TEXT NOT NULL,
              ended     TEXT,
              record    TEXT,
              error     TEXT,
              PRIMARY KEY (run, name))""",
            "CREATE INDEX stages_by_key ON stages (name, stage_key)",
            """
            CREATE TABLE releases (
              model    TEXT NOT NULL,
              number   INTEGER NOT NULL,
              state    TEXT NOT NULL,
              files    TEXT NOT NULL,
              settings TEXT NOT NULL,
              adapter  TEXT,
              base     TEXT,
              scores   TEXT,
              run      TEXT,
              created  TEXT NOT NULL,
              changed  TEXT NOT NULL,
              PRIMARY KEY (model, number))""",
            """
            CREATE TABLE events (
              id    {counter},
              run   TEXT,
              model TEXT,
              time  TEXT NOT NULL,
              kind  TEXT NOT NULL,
              text  TEXT NOT NULL,
              data  TEXT)""",
            "CREATE INDEX events_by_run ON events (run, id)",
            """
            CREATE TABLE adapters (
              hash     TEXT NOT NULL,
              model    TEXT NOT NULL,
              instance TEXT,
              path     TEXT,
              run      TEXT,
              time     TEXT NOT NULL,
              PRIMARY KEY (hash, model))""",
            """
            CREATE TABLE letters (
              run         TEXT NOT NULL PRIMARY KEY,
              model       TEXT NOT NULL,
              stage       TEXT,
              request     TEXT NOT NULL,
              reason      TEXT NOT NULL,
              attempts    INTEGER NOT NULL,
              stack       TEXT,
              time        TEXT NOT NULL,
              replayed    TEXT,
              replayed_as TEXT)""",
            """
            CREATE TABLE locks (
              name     TEXT NOT NULL PRIMARY KEY,
              token    TEXT NOT NULL,
              owner    TEXT NOT NULL,
              run      TEXT,
              acquired TEXT NOT NULL,
              expires  BIGINT NOT NULL)"""));

    private final Dialect dialect;

    Schema(Dialect dialect) {
        this.dialect = dialect;
    }

    /** Brings the tables to the newest version. Safe when several processes do it at once. */
    void bringUp(Connection connection, String ledger) throws SQLException {
        if (version(connection, ledger) == VERSIONS.size()) {
            return;
        }
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            dialect.lockSchema(connection);
            statement.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY)");
            int version = read(statement);
            for (int next = version + 1; next <= VERSIONS.size(); next++) {
                for (String sql : VERSIONS.get(next - 1)) {
                    statement.execute(sql.replace("{counter}", dialect.counter));
                }
                statement.execute("INSERT INTO schema_version (version) VALUES (" + next + ")");
            }
            connection.commit();
        } catch (SQLException e) {
            connection.rollback();
            throw e;
        } finally {
            connection.setAutoCommit(true);
        }
        version(connection, ledger);
    }

    private int version(Connection connection, String ledger) throws SQLException {
        int version;
        try (Statement statement = connection.createStatement();
                PreparedStatement named = connection.prepareStatement(dialect.tableNamed)) {
            named.setString(1, "schema_version");
            try (ResultSet tables = named.executeQuery()) {
                version = tables.next() ? read(statement) : 0;
            }
        }
        if (version > VERSIONS.size()) {
            throw new FerryException("The ledger " + ledger + " was written by a newer ferry (version " + version + " of its tables, this one knows " + VERSIONS.size()
                    + "). Use the newer ferry, or another ledger.");
        }
        return version;
    }

    private static int read(Statement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery("SELECT COALESCE(MAX(version), 0) FROM schema_version")) {
            rows.next();
            return rows.getInt(1);
        }
    }
}
