package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.SettingsException;
import java.net.URI;
import java.net.URISyntaxException;

/**
 * An address where an SSH server may answer.
 *
 * @param user login name
 * @param host host name or address, IPv6 without brackets
 * @param port TCP port
 * @param way  how it leads to the machine, for messages and for keeping host keys apart: {@code direct}, {@code proxy}
 */
public record SshEndpoint(String user, String host, int port, String way) {
    /** Refuses what no server can have, and what an external ssh would take for an option. */
    public SshEndpoint {
        if (host.isBlank() || host.startsWith("-") || !host.matches("[A-Za-z0-9._:%-]+")) {
            throw new SettingsException("'" + printable(host) + "' is no host name.");
        }
        if (user.isBlank() || user.startsWith("-") || !user.matches("[A-Za-z0-9._@+-]+")) {
            throw new SettingsException("'" + printable(user) + "' is no SSH user name.");
        }
        if (port < 1 || port > 65535) {
            throw new SettingsException("Port " + port + " of " + host + " is not between 1 and 65535.");
        }
    }

    /**
     * Reads {@code ssh://user@host:port}, ignoring any path. The user defaults to root, the port to 22.
     *
     * @throws SettingsException when the text is no such address
     */
    public static SshEndpoint parse(String text) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw new SettingsException("'" + printable(text) + "' is no SSH address; write ssh://user@host:port/path.", e);
        }
        if (!"ssh".equals(uri.getScheme()) || uri.getHost() == null) {
            throw new SettingsException("'" + printable(text) + "' is no SSH address; write ssh://user@host:port/path.");
        }
        String user = uri.getUserInfo();
        if (user != null && user.contains(":")) {
            throw new SettingsException("The SSH address of " + uri.getHost() + " holds a password; only keys are supported, write ssh://user@host:port/path.");
        }
        String host = uri.getHost().replaceAll("^\\[|]$", "");
        return new SshEndpoint(user == null ? "root" : user, host, uri.getPort() < 0 ? 22 : uri.getPort(), "direct");
    }

    private static String printable(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }

    /** {@code user@host:port}, with brackets around IPv6. */
    @Override
    public String toString() {
        return user + "@" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
}
