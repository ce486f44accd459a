package dev.adapterferry.source;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.source.ssh.RemoteShell;
import dev.adapterferry.source.ssh.SshAccess;
import dev.adapterferry.source.ssh.SshConnection;
import dev.adapterferry.source.ssh.SshEndpoint;
import dev.adapterferry.source.ssh.SshTarget;
import dev.adapterferry.source.ssh.SshTree;
import dev.adapterferry.source.ssh.SftpTransfer;
import dev.adapterferry.source.vast.VastApi;
import dev.adapterferry.source.vast.VastEndpoints;
import dev.adapterferry.source.vast.VastInstance;
import dev.adapterferry.transfer.FileTree;
import java.io.Closeable;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Opens the place that a {@link SourceSpec} names. Logs in and looks up only what is asked for, so a local folder needs
 * neither SSH keys nor an API key.
 */
public final class Sources implements Closeable {
    private final Supplier<SshAccess> access;
    private final Supplier<VastApi> vast;
    private final Function<SourceSpec.Hub, FileTree> hub;
    private final Function<SourceSpec.S3, FileTree> s3;
    private final Function<SshConnection, RemoteShell> shells;
    private SshAccess opened;

    /**
     * @param access makes the SSH client, when first needed; closed with this
     * @param vast   makes the vast.ai client, when first needed
     * @param hub    opens repositories
     * @param s3     opens buckets
     * @param shells gives the shell that carries commands over a connection that stands: the connection itself, or another client
     */
    public Sources(Supplier<SshAccess> access, Supplier<VastApi> vast, Function<SourceSpec.Hub, FileTree> hub, Function<SourceSpec.S3, FileTree> s3,
                   Function<SshConnection, RemoteShell> shells) {
        this.access = access;
        this.vast = vast;
        this.hub = hub;
        this.s3 = s3;
        this.shells = shells;
    }

    /** Stands for a kind of source that this process does not offer. */
    public static <T> Function<T, FileTree> absent(String what) {
        return spec -> {
            throw new SettingsException("Cannot open " + spec + ": " + what + " is not available here.");
        };
    }

    /**
     * Opens a source.
     *
     * @param spec what to open
     * @return the tree, closed by the caller
     * @throws dev.adapterferry.failure.FerryException when it does not exist or refuses
     */
    public FileTree open(SourceSpec spec) {
        return switch (spec) {
            case SourceSpec.Folder folder -> new LocalTree(folder.path());
            case SourceSpec.Ssh ssh -> ssh(SshTarget.of(SshEndpoint.parse(ssh.endpoint())), ssh.path());
            case SourceSpec.Vast instance -> ssh(target(vast.get().show(instance.instance())), instance.path());
            case SourceSpec.Hub repository -> hub.apply(repository);
            case SourceSpec.S3 bucket -> s3.apply(bucket);
        };
    }

    /**
     * The addresses of an instance as an SSH target.
     *
     * @param instance a running instance
     */
    public static SshTarget target(VastInstance instance) {
        List<SshEndpoint> endpoints = VastEndpoints.of(instance).stream().map(c -> new SshEndpoint("root", c.host(), c.port(), c.way())).toList();
        return new SshTarget("vast.ai instance " + instance.id(), "vast-" + instance.id(), endpoints,
                "Attach your public key with 'vastai attach ssh " + instance.id() + " \"$(cat ~/.ssh/id_ed25519.pub)\"' and try again.");
    }

    private FileTree ssh(SshTarget target, String path) {
        SshConnection connection = access().connect(target);
        return new SshTree(shells.apply(connection), target.name(), path, root -> new SftpTransfer(connection, root, SftpTransfer.Terms.usual()), connection);
    }

    private synchronized SshAccess access() {
        if (opened == null) {
            opened = access.get();
        }
        return opened;
    }

    @Override
    public synchronized void close() {
        if (opened != null) {
            opened.close();
        }
    }
}
