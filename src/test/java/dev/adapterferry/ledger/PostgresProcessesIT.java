package dev.adapterferry.ledger;

import java.util.Optional;

class PostgresProcessesIT extends ProcessesContract {
    private PostgresServer server;
    private String url;

    @Override
    String url() throws Exception {
        if (url == null) {
            server = PostgresServer.getOrSkip();
            url = server.newDatabase();
        }
        return url;
    }

    @Override
    Optional<String> user() {
        return Optional.of(PostgresServer.USER);
    }

    @Override
    void drop() throws Exception {
        String name = url.substring(url.lastIndexOf('/') + 1);
        server.execute("DROP DATABASE " + name + " WITH (FORCE)");
        server.execute("CREATE DATABASE " + name);
    }
}
