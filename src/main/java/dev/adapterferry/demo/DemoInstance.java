package dev.adapterferry.demo;

import dev.adapterferry.failure.FerryException;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.List;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.config.keys.writer.openssh.OpenSSHKeyPairResourceWriter;
import org.apache.sshd.common.util.security.SecurityUtils;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.keyprovider.SimpleGeneratorHostKeyProvider;
import org.apache.sshd.sftp.server.SftpSubsystemFactory;

/**
 * An SSH server on a free loopback port that plays the rented machine: public-key login only, SFTP, and commands run by this
 * machine's own {@code /bin/sh}. Its host key and the login key are made at the first start and kept, as a machine keeps them.
 */
public final class DemoInstance implements Closeable {
    private final SshServer server;
    private final Path loginKey;

    private DemoInstance(SshServer server, Path loginKey) {
        this.server = server;
        this.loginKey = loginKey;
    }

    /**
     * Starts the server.
     *
     * @param folder where its keys are kept
     * @throws FerryException when it cannot listen, or its keys cannot be made
     */
    public static DemoInstance start(Path folder) {
        try {
            Files.createDirectories(folder);
            Path loginKey = folder.resolve("login-key");
            PublicKey allowed = loginKey(loginKey).getPublic();
            SshServer server = SshServer.setUpDefaultServer();
            server.setHost("127.0.0.1");
            server.setPort(0);
            server.setKeyPairProvider(new SimpleGeneratorHostKeyProvider(folder.resolve("host-key")));
            server.setPublickeyAuthenticator((user, key, session) -> "root".equals(user) && KeyUtils.compareKeys(allowed, key));
            server.setPasswordAuthenticator(null);
            server.setSubsystemFactories(List.of(new SftpSubsystemFactory.Builder().build()));
            server.setCommandFactory((channel, command) -> new DemoShellCommand(command));
            server.start();
            return new DemoInstance(server, loginKey);
        } catch (IOException | GeneralSecurityException e) {
            throw new FerryException("Cannot start the demo's SSH server in " + folder + ": " + e.getMessage(), e);
        }
    }

    private static KeyPair loginKey(Path file) throws IOException, GeneralSecurityException {
        if (!Files.exists(file)) {
            KeyPair made = KeyUtils.generateKeyPair("ecdsa-sha2-nistp256", 256);
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            try (OutputStream out = Files.newOutputStream(file)) {
                OpenSSHKeyPairResourceWriter.INSTANCE.writePrivateKey(made, "ferry demo", null, out);
            }
        }
        try (var in = Files.newInputStream(file)) {
            return SecurityUtils.loadKeyPairIdentities(null, () -> file.toString(), in, null).iterator().next();
        }
    }

    /** The port it listens on. */
    public int port() {
        return server.getPort();
    }

    /** The private key that may log in as {@code root}. */
    public Path loginKey() {
        return loginKey;
    }

    @Override
    public void close() throws IOException {
        server.stop(true);
    }
}
