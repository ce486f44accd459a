package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.apache.sshd.client.channel.ChannelExec;
import org.apache.sshd.client.channel.ClientChannelEvent;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.sftp.client.SftpClient;
import org.apache.sshd.sftp.client.SftpClientFactory;

/** One logged-in SSH connection; a shell, and channels for SFTP and scp. Safe for several threads. */
public final class SshConnection implements RemoteShell, Closeable {
    /** More than this from one command is not an answer but an attack or an accident. */
    static final int MAX_OUTPUT = 24 << 20;

    private final SshAccess access;
    private final SshTarget target;
    private final SshEndpoint endpoint;
    private final KnownHosts hosts;
    private final ClientSession session;

    SshConnection(SshAccess access, SshTarget target, SshEndpoint endpoint, KnownHosts hosts, ClientSession session) {
        this.access = access;
        this.target = target;
        this.endpoint = endpoint;
        this.hosts = hosts;
        this.session = session;
    }

    /** The machine. */
    public SshTarget target() {
        return target;
    }

    /** The address that answered. */
    public SshEndpoint endpoint() {
        return endpoint;
    }

    KnownHosts hosts() {
        return hosts;
    }

    SshAccess access() {
        return access;
    }

    ClientSession session() {
        return session;
    }

    boolean isOpen() {
        return session.isOpen();
    }

    /** A further connection to the same address. */
    SshConnection again() throws IOException {
        return access.connectAgain(target, endpoint);
    }

    /** A new SFTP channel on this connection, closed by the caller. */
    public SftpClient sftp() throws IOException {
        try {
            return Cancellation.current().interrupting("opening a channel to " + target.name(), () -> SftpClientFactory.instance().createSftpClient(session));
        } catch (IllegalStateException e) {
            throw new IOException("the connection is closing", e);
        }
    }

    @Override
    public Result run(String command, Duration timeout) {
        Bounded out = new Bounded();
        Bounded err = new Bounded();
        String what = "a command on " + target.name();
        // The library's own wait lets interrupts pass; it ends with the channel.
        try (ChannelExec channel = session.createExecChannel(command); Cancellation.Hook _ = Cancellation.current().onRequest(() -> channel.close(true))) {
            // A host that runs something of its own in place of the command shall not wait for input.
            channel.setIn(InputStream.nullInputStream());
            channel.setOut(out);
            channel.setErr(err);
            Set<ClientChannelEvent> events = Cancellation.current().interrupting(what, () -> {
                channel.open().verify(access.login().connectTimeout());
                return channel.waitFor(EnumSet.of(ClientChannelEvent.CLOSED), timeout);
            });
            Cancellation.current().check(what);
            if (out.overflow || err.overflow) {
                channel.close(true);
                throw new FerryException("Refusing the answer of " + target.name() + ": a command printed more than " + (MAX_OUTPUT >> 20) + " MiB.");
            }
            if (events.contains(ClientChannelEvent.TIMEOUT)) {
                channel.close(true);
                throw new TransientFailure("A command on " + target.name() + " did not end within " + timeout.toSeconds() + " s.");
            }
            Integer exit = channel.getExitStatus();
            if (exit == null && !session.isOpen()) {
                throw new TransientFailure("The connection to " + target.name() + " broke during a command.");
            }
            return new Result(exit == null ? -1 : exit, out.text(), err.text());
        } catch (IOException | IllegalStateException e) {
            // MINA throws the latter for a session that is closing.
            if (out.overflow || err.overflow) {
                throw new FerryException("Refusing the answer of " + target.name() + ": a command printed more than " + (MAX_OUTPUT >> 20) + " MiB.", e);
            }
            String why = e instanceof IllegalStateException ? "it is closing" : FramedShell.clip(String.valueOf(e.getMessage()));
            throw new TransientFailure("The connection to " + target.name() + " broke: " + why + ".", e);
        }
    }

    @Override
    public void close() {
        session.close(true);
    }

    /** Keeps what was printed up to the limit; beyond it fails, which ends the channel. */
    private static final class Bounded extends OutputStream {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private volatile boolean overflow;

        @Override
        public synchronized void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public synchronized void write(byte[] buffer, int offset, int length) throws IOException {
            if (bytes.size() + length > MAX_OUTPUT) {
                overflow = true;
                throw new IOException("too much output");
            }
            bytes.write(buffer, offset, length);
        }

        synchronized String text() {
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }
}
