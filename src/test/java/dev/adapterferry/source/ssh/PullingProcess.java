package dev.adapterferry.source.ssh;

import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.RemoteAdapter;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Path;
import java.time.Duration;

/** A pull as a process of its own, so that a test can kill it: port, key, home, remote folder, folder to make. */
public final class PullingProcess {
    private PullingProcess() { }

    public static void main(String[] args) {
        SshEndpoint endpoint = new SshEndpoint(System.getProperty("user.name"), "127.0.0.1", Integer.parseInt(args[0]), "direct");
        try (SshAccess access = new SshAccess(MinaServer.login(Path.of(args[2]), Path.of(args[1])))) {
            SshConnection connection = access.connect(SshTarget.of(endpoint));
            AdapterPull pull = new AdapterPull(AdapterPull.Terms.finished(new RemoteAdapter.Look(Duration.ZERO, RemoteAdapter.Choice.AUTO, 4L << 30), 2));
            try (SshTree tree = new SshTree(connection, "the machine", args[3], root -> new SftpTransfer(connection, root, SftpTransfer.Terms.usual()), connection)) {
                PulledAdapter pulled = pull.pull(tree, Path.of(args[4]), TransferTerms.free());
                System.out.println("pulled " + pulled.transferred() + " kept " + pulled.kept());
            }
        }
    }
}
