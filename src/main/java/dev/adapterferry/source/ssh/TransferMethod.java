package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.transfer.Transfer;
import java.io.IOException;
import java.time.Duration;
import org.apache.sshd.sftp.client.SftpClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which way the bytes come over SSH: {@code source.transfer}. */
public enum TransferMethod {
    /** Ranged SFTP, else rsync, else scp: the first that the machine offers. */
    AUTO,
    /** Several SFTP channels per file. */
    SFTP,
    /** The rsync program, on both sides. */
    RSYNC,
    /** One scp stream per file. */
    SCP;

    private static final Logger LOG = LoggerFactory.getLogger(TransferMethod.class);

    /**
     * Makes the transfer for one folder.
     *
     * @param connection the connection that found the machine
     * @param folder     real path of the folder there
     * @param terms      channels and patience
     * @throws FerryException when this way, or for {@code AUTO} any way, is not to be had
     */
    public Transfer open(SshConnection connection, String folder, SftpTransfer.Terms terms) {
        String machine = connection.target().name();
        return switch (this) {
            case SFTP -> new SftpTransfer(connection, folder, terms);
            case SCP -> new ScpTransfer(connection, folder, terms);
            case RSYNC -> {
                if (!RsyncTransfer.isInstalledHere()) {
                    throw new FerryException("Cannot pull from " + machine + " by rsync: rsync and ssh are not both installed here. Install them, or set source.transfer to auto.");
                }
                if (!isInstalled(connection, "rsync")) {
                    throw new FerryException("Cannot pull from " + machine + " by rsync: it is not installed there. Install it, or set source.transfer to auto.");
                }
                yield new RsyncTransfer(connection, folder, terms);
            }
            case AUTO -> {
                if (offersSftp(connection)) {
                    yield new SftpTransfer(connection, folder, terms);
                }
                if (RsyncTransfer.isInstalledHere() && isInstalled(connection, "rsync")) {
                    yield new RsyncTransfer(connection, folder, terms);
                }
                if (isInstalled(connection, "scp")) {
                    yield new ScpTransfer(connection, folder, terms);
                }
                throw new FerryException("Cannot pull from " + machine + ": its SSH server offers no SFTP, and neither rsync nor scp is installed there. Install one of them.");
            }
        };
    }

    private static boolean offersSftp(SshConnection connection) {
        try (SftpClient sftp = connection.sftp()) {
            return sftp.isOpen();
        } catch (IOException e) {
            if (!connection.isOpen()) {
                throw new TransientFailure("The connection to " + connection.target().name() + " broke: " + FramedShell.clip(String.valueOf(e.getMessage())) + ".", e);
            }
            LOG.info("{} offers no SFTP ({})", connection.target().name(), FramedShell.clip(String.valueOf(e.getMessage())));
            return false;
        }
    }

    private static boolean isInstalled(SshConnection connection, String program) {
        return new FramedShell(connection, connection.target().name()).run("command -v " + program + " >/dev/null 2>&1", Duration.ofSeconds(30)).exit() == 0;
    }
}
