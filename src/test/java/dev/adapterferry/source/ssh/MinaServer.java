package dev.adapterferry.source.ssh;

import java.io.IOException;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.keyprovider.KeyPairProvider;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.command.CommandFactory;
import org.apache.sshd.server.shell.ProcessShellFactory;
import org.apache.sshd.sftp.server.SftpSubsystemFactory;

/** An SSH server inside the test that plays a rented machine: public keys only, real commands, SFTP. */
final class MinaServer implements AutoCloseable {
    final SshServer server = SshServer.setUpDefaultServer();
    final List<PublicKey> authorized = new CopyOnWriteArrayList<>();

    MinaServer(KeyPair hostKey) {
        server.setHost("127.0.0.1");
        server.setPort(0);
        server.setKeyPairProvider(KeyPairProvider.wrap(hostKey));
        server.setPublickeyAuthenticator((user, key, session) -> authorized.stream().anyMatch(k -> KeyUtils.compareKeys(k, key)));
        server.setCommandFactory((channel, command) -> new ProcessShellFactory(command, "/bin/sh", "-c", command).createShell(channel));
        server.setSubsystemFactories(List.of(new SftpSubsystemFactory.Builder().build()));
    }

    MinaServer answering(CommandFactory commands) {
        server.setCommandFactory(commands);
        return this;
    }

    MinaServer start() throws IOException {
        server.start();
        return this;
    }

    SshEndpoint endpoint() {
        return new SshEndpoint("root", "127.0.0.1", server.getPort(), "direct");
    }

    static SshLogin login(Path home, Path... keys) {
        return new SshLogin(List.of(keys), home, java.util.Optional.empty(), java.util.Optional.empty(), home.resolve("known"),
                java.time.Duration.ofSeconds(5), 3, java.time.Duration.ofMillis(20), java.time.Duration.ofSeconds(5));
    }

    @Override
    public void close() throws IOException {
        server.stop(true);
    }
}
