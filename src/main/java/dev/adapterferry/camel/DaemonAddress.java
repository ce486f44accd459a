package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.settings.HttpSettings;
import dev.adapterferry.settings.Settings;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where the daemon's API is: at the settings' port, or, where they say 0, at the free one that the daemon took. That one it keeps
 * through every reload, and writes to {@code daemon.url} in the working directory, where commands look for it.
 */
public final class DaemonAddress implements AutoCloseable {
    private static final String FILE = "daemon.url";

    private int taken;
    private Path written;
    private String announced = "";

    DaemonAddress() { }

    /**
     * Where a daemon with these settings serves.
     *
     * @return empty when it serves nothing, or none runs that has taken a free port
     */
    public static Optional<URI> find(Settings settings) {
        HttpSettings http = settings.http();
        if (!http.enabled() || http.port() != 0) {
            return http.enabled() ? Optional.of(http.address(http.port())) : Optional.empty();
        }
        Path file = settings.home().resolve(FILE);
        try {
            return Files.exists(file) ? Optional.of(URI.create(Files.readString(file).strip())) : Optional.empty();
        } catch (IOException | IllegalArgumentException e) {
            throw new FerryException("Cannot read the daemon's address in " + file + ": " + e.getMessage() + ". Delete that file.", e);
        }
    }

    /** The address that this daemon serves at, if it does. */
    synchronized Optional<URI> of(Settings settings) {
        return settings.http().enabled() ? Optional.of(settings.http().address(port(settings.http()))) : Optional.empty();
    }

    private int port(HttpSettings http) {
        if (http.port() != 0) {
            return http.port();
        }
        if (taken == 0) {
            try (ServerSocket socket = new ServerSocket()) {
                socket.bind(new InetSocketAddress(http.host(), 0));
                taken = socket.getLocalPort();
            } catch (IOException e) {
                throw new FerryException("Cannot take a port on " + http.host() + " (setting http.host): " + e.getMessage() + ".", e);
            }
        }
        return taken;
    }

    /** Tells a generation its port. */
    synchronized RouteGeneration.Parts pin(RouteGeneration.Parts parts, Settings settings) {
        if (!settings.http().enabled()) {
            return parts;
        }
        String port = Integer.toString(port(settings.http()));
        return parts.with(Map.of("camel.server.port", port, "camel.management.port", port));
    }

    /** Leaves the address where commands find it, unless the settings say it already. */
    synchronized void announce(Settings settings) {
        boolean free = settings.http().enabled() && settings.http().port() == 0;
        String address = free ? of(settings).orElseThrow() + "\n" : "";
        if (!address.equals(announced)) {
            close();
            if (free) {
                written = settings.home().resolve(FILE);
                Durable.write(written, address);
            }
            announced = address;
        }
    }

    @Override
    public synchronized void close() {
        try {
            if (written != null) {
                Files.deleteIfExists(written);
            }
        } catch (IOException e) {
            // Whoever finds it afterwards is told that nobody answers there.
        } finally {
            written = null;
            announced = "";
        }
    }
}
