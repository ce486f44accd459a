package dev.adapterferry.stage;

import dev.adapterferry.deploy.RemoteFolder;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.source.ssh.RemoteShell;
import dev.adapterferry.source.ssh.ShellQuote;
import dev.adapterferry.source.ssh.SshAccess;
import dev.adapterferry.source.ssh.SshConnection;
import dev.adapterferry.source.ssh.SshEndpoint;
import dev.adapterferry.source.ssh.SshLogin;
import dev.adapterferry.source.ssh.SshTarget;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.sshd.sftp.client.SftpClient;
import org.apache.sshd.sftp.client.extensions.openssh.OpenSSHFsyncExtension;
import org.apache.sshd.sftp.client.extensions.openssh.OpenSSHPosixRenameExtension;
import org.apache.sshd.sftp.client.impl.SftpOutputStreamAsync;
import org.apache.sshd.sftp.common.SftpConstants;
import org.apache.sshd.sftp.common.SftpException;

/** A folder on an SSH host, through SFTP; hashes are computed there where it lets commands run. Connects when first used. */
final class SftpFolder implements RemoteFolder, Closeable {
    private static final int BUFFER = 256 << 10;
    /** Most that every server takes in one packet: OpenSSH hangs up on packets of 256 KiB, others on less. */
    private static final int PACKET = 32_000;
    private static final int SMALL_FILE = 1 << 20;
    /** Bytes a second that even a slow machine hashes. */
    private static final long SLOWEST_HASH = 20_000_000;

    private final SshTarget target;
    private final String folder;
    private final SshLogin login;
    private final Progress progress;
    private final Cancellation cancellation;
    private SshAccess access;
    private SshConnection connection;
    private SftpClient sftp;
    private Cancellation.Hook hook;

    /**
     * @param address      {@code ssh://user@host:port/path}
     * @param login        keys, known hosts and patience
     * @param progress     hears of bytes that were sent
     * @param cancellation asked while they are
     */
    SftpFolder(String address, SshLogin login, Progress progress, Cancellation cancellation) {
        SourceSpec.Ssh place = (SourceSpec.Ssh) SourceSpec.parse(address);
        this.target = SshTarget.of(SshEndpoint.parse(place.endpoint()));
        // SFTP begins in the home folder.
        this.folder = place.path().replaceFirst("^~/", "").replaceFirst("(?<=.)/+$", "");
        this.login = login;
        this.progress = progress;
        this.cancellation = cancellation;
    }

    @Override
    public String name() {
        return target.name() + ":" + folder;
    }

    @Override
    public void makeDirectories(String path) throws IOException {
        String whole = at(path);
        for (int slash = whole.indexOf('/', 1); ; slash = whole.indexOf('/', slash + 1)) {
            String part = slash < 0 ? whole : whole.substring(0, slash);
            if (attributes(part).isEmpty()) {
                client().mkdir(part);
            }
            if (slash < 0) {
                return;
            }
        }
    }

    @Override
    public Optional<Long> size(String path) throws IOException {
        return attributes(at(path)).filter(SftpClient.Attributes::isRegularFile).map(SftpClient.Attributes::getSize);
    }

    @Override
    public void upload(Path local, String path, long from) throws IOException {
        String activity = "sending " + local.getFileName() + " to " + target.name();
        Set<SftpClient.OpenMode> modes = EnumSet.of(SftpClient.OpenMode.Write, SftpClient.OpenMode.Create);
        if (from == 0) {
            modes.add(SftpClient.OpenMode.Truncate);
        }
        long total = Files.size(local);
        try (FileChannel in = FileChannel.open(local, StandardOpenOption.READ); OutputStream out = client().write(at(path), PACKET, modes)) {
            in.position(from);
            if (from > 0) {
                ((SftpOutputStreamAsync) out).setOffset(from);
            }
            ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
            long done = from;
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                cancellation.check(activity);
                out.write(buffer.array(), 0, n);
                buffer.clear();
                done += n;
                progress.report(new Progress.Step(activity, done, total, Progress.Unit.BYTES));
            }
        } catch (IOException e) {
            // A connection that is just breaking still calls itself open: the next call makes another.
            close();
            throw e;
        }
        force(at(path));
    }

    private void force(String file) throws IOException {
        OpenSSHFsyncExtension fsync = client().getExtension(OpenSSHFsyncExtension.class);
        if (fsync != null && fsync.isSupported()) {
            try (SftpClient.CloseableHandle handle = client().open(file, SftpClient.OpenMode.Write)) {
                fsync.fsync(handle);
            }
        }
    }

    @Override
    public List<String> list(String path) throws IOException {
        List<String> names = new ArrayList<>();
        for (SftpClient.DirEntry entry : client().readDir(at(path))) {
            if (entry.getAttributes().isRegularFile()) {
                names.add(entry.getFilename());
            }
        }
        return names;
    }

    @Override
    public String readBack(String path) throws IOException {
        String activity = "reading " + path + " back from " + target.name();
        long total = size(path).orElse(0L);
        MessageDigest digest = Sha256.digest();
        try (InputStream in = client().read(at(path), BUFFER)) {
            byte[] buffer = new byte[BUFFER];
            long done = 0;
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                cancellation.check(activity);
                digest.update(buffer, 0, n);
                done += n;
                progress.report(new Progress.Step(activity, done, total, Progress.Unit.BYTES));
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public Optional<String> sha256(String path) throws IOException {
        String file = ShellQuote.path(at(path));
        Duration limit = Duration.ofSeconds(60 + size(path).orElse(0L) / SLOWEST_HASH);
        client();
        RemoteShell.Result result = connection.run("sha256sum " + file + " 2>/dev/null || shasum -a 256 " + file + " 2>/dev/null || openssl dgst -sha256 -r " + file, limit);
        String hex = result.out().strip().split("[ *]", 2)[0];
        // Hosts that let nobody run commands answer with an error, a greeting, or SFTP itself.
        return result.exit() == 0 && hex.matches("[0-9a-f]{64}") ? Optional.of(hex) : Optional.empty();
    }

    @Override
    public Optional<String> read(String path) throws IOException {
        if (size(path).isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = client().read(at(path))) {
            return Optional.of(new String(in.readNBytes(SMALL_FILE), StandardCharsets.UTF_8));
        }
    }

    @Override
    public void write(String path, String text) throws IOException {
        try (OutputStream out = client().write(at(path) + ".part")) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        rename(path + ".part", path);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        OpenSSHPosixRenameExtension posix = client().getExtension(OpenSSHPosixRenameExtension.class);
        if (posix != null && posix.isSupported()) {
            posix.posixRename(at(from), at(to));
            return;
        }
        if (client().getVersion() >= SftpConstants.SFTP_V5) {
            client().rename(at(from), at(to), SftpClient.CopyMode.Atomic, SftpClient.CopyMode.Overwrite);
            return;
        }
        // Plain SFTP 3 renames over nothing: for a moment there is no file of this name, never half of one.
        remove(to);
        client().rename(at(from), at(to));
    }

    @Override
    public void remove(String path) throws IOException {
        if (attributes(at(path)).isPresent()) {
            client().remove(at(path));
        }
    }

    private String at(String path) {
        return path.isEmpty() ? folder : folder + "/" + path;
    }

    private Optional<SftpClient.Attributes> attributes(String path) throws IOException {
        try {
            return Optional.of(client().stat(path));
        } catch (SftpException e) {
            if (e.getStatus() == SftpConstants.SSH_FX_NO_SUCH_FILE || e.getStatus() == SftpConstants.SSH_FX_NO_SUCH_PATH) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private synchronized SftpClient client() throws IOException {
        if (sftp == null || !sftp.isOpen()) {
            close();
            access = new SshAccess(login);
            try {
                connection = access.connect(target);
                sftp = connection.sftp();
                // Whatever waits for the machine's answer ends with the connection.
                hook = cancellation.onRequest(connection::close);
            } catch (IOException | FerryException e) {
                close();
                throw e;
            }
        }
        return sftp;
    }

    @Override
    public synchronized void close() {
        if (hook != null) {
            hook.close();
        }
        if (connection != null) {
            connection.close();
        }
        if (access != null) {
            access.close();
        }
        connection = null;
        access = null;
        sftp = null;
        hook = null;
    }
}
