package dev.adapterferry.camel;

import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.transfer.FaultProxy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.keyprovider.SimpleGeneratorHostKeyProvider;

/** Rented machines of different kinds, each behind a proxy that can make it fall silent. */
final class CancelMachines implements AutoCloseable {
    private static final String ENDLESS = "exec sleep 601";

    private final Path folder;
    private final DemoInstance demo;
    private final List<SshServer> servers = new ArrayList<>();
    private final FaultProxy sftp;
    private final FaultProxy rsync;
    private final FaultProxy scp;
    private final FaultProxy command;
    private final FaultProxy greeting;
    private volatile boolean slow;

    CancelMachines(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
        demo = DemoInstance.start(folder.resolve("sftp"));
        sftp = new FaultProxy(demo.port());
        rsync = new FaultProxy(machine("rsync", text -> text));
        scp = new FaultProxy(machine("scp", text -> text.replace("command -v rsync", "false")));
        command = new FaultProxy(machine("command", text -> slow && text.contains("sha256sum") ? ENDLESS : text));
        greeting = new FaultProxy(demo.port());
    }

    /** A machine without SFTP that runs what its commands become. */
    private int machine(String name, UnaryOperator<String> commands) throws IOException {
        SshServer server = SshServer.setUpDefaultServer();
        server.setHost("127.0.0.1");
        server.setPort(0);
        server.setKeyPairProvider(new SimpleGeneratorHostKeyProvider(folder.resolve(name + "-host-key")));
        server.setPublickeyAuthenticator((user, key, session) -> true);
        server.setSubsystemFactories(List.of());
        server.setCommandFactory((channel, text) -> new ShellCommand(commands.apply(text)));
        server.start();
        servers.add(server);
        return server.getPort();
    }

    Path loginKey() {
        return demo.loginKey();
    }

    FaultProxy sftp() {
        return sftp;
    }

    /** No SFTP there, but rsync. */
    FaultProxy rsync() {
        return rsync;
    }

    /** Neither SFTP nor rsync there. */
    FaultProxy scp() {
        return scp;
    }

    /** May be slow: its checksums then take ten minutes. */
    FaultProxy command() {
        return command;
    }

    /** To be silenced before the first word. */
    FaultProxy greeting() {
        return greeting;
    }

    void slow(boolean on) {
        slow = on;
    }

    boolean isSlowUnderWay() {
        return ProcessHandle.current().descendants().anyMatch(process -> process.info().arguments().filter(words -> Arrays.asList(words).contains("601")).isPresent());
    }

    @Override
    public void close() throws Exception {
        for (FaultProxy each : List.of(sftp, rsync, scp, command, greeting)) {
            each.close();
        }
        for (SshServer server : servers) {
            server.stop(true);
        }
        demo.close();
    }
}
