package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The arguments with which the {@code ssh} program logs in exactly as {@link SshAccess} does: the same address, keys and
 * known-hosts file, nothing from the user's own configuration, and never a question on the terminal.
 */
final class ExternalSsh {
    private static final String VARIABLE = "FERRY_ASKPASS";

    private ExternalSsh() { }

    /** Words of the command, without the host. */
    static List<String> command(SshConnection connection) {
        SshLogin login = connection.access().login();
        List<String> words = new ArrayList<>(List.of("ssh", "-F", "/dev/null", "-p", Integer.toString(connection.endpoint().port()), "-l", connection.endpoint().user()));
        boolean ask = login.passphrase().isPresent();
        long seconds = Math.max(1, login.keepAlive().toSeconds());
        for (String option : List.of("BatchMode=" + (ask ? "no" : "yes"), "NumberOfPasswordPrompts=1", "PreferredAuthentications=publickey",
                "ConnectTimeout=" + Math.max(1, login.connectTimeout().toSeconds()), "ServerAliveInterval=" + seconds, "ServerAliveCountMax=3",
                "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "HostKeyAlias=" + connection.hosts().alias(),
                "UserKnownHostsFile=\"" + connection.hosts().file().toAbsolutePath().toString().replace("%", "%%") + "\"", "GlobalKnownHostsFile=/dev/null",
                "Ciphers=^aes128-gcm@openssh.com", "ForwardAgent=no")) {
            words.add("-o");
            words.add(option);
        }
        if (!login.keys().isEmpty()) {
            words.addAll(List.of("-o", "IdentitiesOnly=yes"));
        }
        for (Path key : connection.access().keyFiles()) {
            words.add("-i");
            words.add(key.toAbsolutePath().toString());
        }
        return words;
    }

    /**
     * The same words as one argument for {@code rsync -e}: rsync splits it at spaces, takes quoted parts whole, and a doubled
     * quote inside quotes for one.
     */
    static String forRsync(List<String> words) {
        return String.join(" ", words.stream().map(w -> w.matches("[A-Za-z0-9_@%+=:,./^-]+") ? w : "'" + w.replace("'", "''") + "'").toList());
    }

    /**
     * Lets ssh ask for the passphrase without a terminal: by a program that prints a variable of its environment.
     *
     * @param environment of the process that will start ssh
     * @return the program, deleted by the caller; null when there is no passphrase
     */
    static Path prepare(Map<String, String> environment, SshLogin login) {
        environment.keySet().removeIf(name -> name.startsWith("RSYNC_") || name.startsWith("SSH_ASKPASS"));
        environment.put("LC_ALL", "C");
        if (!login.keys().isEmpty()) {
            environment.remove("SSH_AUTH_SOCK");
        } else {
            login.agentSocket().ifPresent(socket -> environment.put("SSH_AUTH_SOCK", socket.toString()));
        }
        if (login.passphrase().isEmpty()) {
            return null;
        }
        try {
            Path program = Files.createTempFile("ferry-askpass", ".sh", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            Files.writeString(program, "#!/bin/sh\nprintf '%s\\n' \"$" + VARIABLE + "\"\n");
            environment.put("SSH_ASKPASS", program.toString());
            environment.put("SSH_ASKPASS_REQUIRE", "force");
            environment.put(VARIABLE, login.passphrase().map(Secret::reveal).orElseThrow());
            return program;
        } catch (IOException | UnsupportedOperationException e) {
            throw new FerryException("Cannot hand the passphrase to ssh: " + (e instanceof IOException io ? Durable.reason(io) : "this system has no file permissions")
                    + ". Add the key to the SSH agent, or set source.transfer to sftp.", e);
        }
    }
}
