package dev.adapterferry.source;

import dev.adapterferry.source.ssh.RemoteShell;
import dev.adapterferry.source.ssh.SshAccess;
import dev.adapterferry.source.ssh.SshConnection;
import dev.adapterferry.source.ssh.SshEndpoint;
import dev.adapterferry.source.ssh.SshTarget;
import dev.adapterferry.source.ssh.SshTree;
import dev.adapterferry.source.ssh.SftpTransfer;
import dev.adapterferry.source.ssh.TransferMethod;
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
    private final Ssh ssh;
    private final Supplier<VastApi> vast;
    private final Function<SourceSpec.Hub, FileTree> hub;
    private final Function<SourceSpec.S3, FileTree> s3;
    private SshAccess opened;

    /**
     * How to reach machines.
     *
     * @param access makes the SSH client, when first needed; closed with the sources
     * @param user   login name on rented machines
     * @param method which way the bytes come
     * @param terms  channels and patience
     * @param shells gives the shell that carries commands over a connection that stands: the connection itself, or another client
     */
    public record Ssh(Supplier<SshAccess> access, String user, TransferMethod method, SftpTransfer.Terms terms, Function<SshConnection, RemoteShell> shells) { }

    /**
     * @param ssh    how to reach machines
     * @param vast   makes the vast.ai client, when first needed
     * @param hub    opens repositories
     * @param s3     opens buckets
     */
    public Sources(Ssh ssh, Supplier<VastApi> vast, Function<SourceSpec.Hub, FileTree> hub, Function<SourceSpec.S3, FileTree> s3) {
        this.ssh = ssh;
        this.vast = vast;
        this.hub = hub;
        this.s3 = s3;
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
            case SourceSpec.Ssh host -> ssh(SshTarget.of(SshEndpoint.parse(host.endpoint())), host.path());
            case SourceSpec.Vast instance -> ssh(target(vast.get().show(instance.instance()), ssh.user()), instance.path());
            case SourceSpec.Hub repository -> hub.apply(repository);
            case SourceSpec.S3 bucket -> s3.apply(bucket);
        };
    }

    /**
     * The addresses of an instance as an SSH target.
     *
     * @param instance a running instance
     * @param user     login name
     */
    public static SshTarget target(VastInstance instance, String user) {
        List<SshEndpoint> endpoints = VastEndpoints.of(instance).stream().map(c -> new SshEndpoint(user, c.host(), c.port(), c.way())).toList();
        return new SshTarget("vast.ai instance " + instance.id(), "vast-" + instance.id(), endpoints,
                "Attach your public key with 'vastai attach ssh " + instance.id() + " \"$(cat ~/.ssh/id_ed25519.pub)\"' and try again.");
    }

    private FileTree ssh(SshTarget target, String path) {
        SshConnection connection = access().connect(target);
        return new SshTree(ssh.shells().apply(connection), target.name(), path, root -> ssh.method().open(connection, root, ssh.terms()), connection);
    }

    private synchronized SshAccess access() {
        if (opened == null) {
            opened = ssh.access().get();
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
