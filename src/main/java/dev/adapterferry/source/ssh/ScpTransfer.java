package dev.adapterferry.source.ssh;

import dev.adapterferry.transfer.FileChanged;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.Lane;
import dev.adapterferry.transfer.RangedTransfer;
import dev.adapterferry.transfer.SegmentQueue;
import dev.adapterferry.transfer.SequentialLane;
import dev.adapterferry.transfer.Transfer;
import dev.adapterferry.transfer.TransferTerms;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.sshd.client.channel.ChannelExec;
import org.apache.sshd.core.CoreModuleProperties;

/**
 * Files through {@code scp -f} on the far side, for servers that offer neither SFTP nor rsync. One stream per file, always
 * from the first byte: what an earlier attempt left is kept, but comes over the wire again.
 *
 * <p>Protocol (rcp's, as OpenSSH speaks it): the receiver sends NUL; the source answers {@code C<mode> <size> <name> LF}; the
 * receiver sends NUL; the source sends the bytes and a NUL; the receiver sends NUL. A message of the source that begins with
 * 1 or 2 is an error text.
 */
public final class ScpTransfer implements Transfer {
    private static final int LONGEST_LINE = 4096;

    private final SshConnection connection;
    private final String folder;
    private final Duration stall;
    private final Transfer stream;

    /**
     * @param connection the connection that found the machine
     * @param folder     real path of the folder there
     * @param terms      patience; the number of channels does not matter
     */
    public ScpTransfer(SshConnection connection, String folder, SftpTransfer.Terms terms) {
        this.connection = connection;
        this.folder = folder;
        this.stall = terms.stall();
        this.stream = new RangedTransfer("scp", ScpLane::new, new RangedTransfer.Shape(1, Long.MAX_VALUE, terms.attempts(), Duration.ofMillis(500)));
    }

    @Override
    public String method() {
        return stream.method();
    }

    @Override
    public Received fetch(FileEntry file, Path part, TransferTerms terms) {
        return stream.fetch(file, part, terms);
    }

    /** One run of scp on the far side. */
    private final class ScpLane implements Lane {
        private final FileEntry file;
        private final SshConnection own;
        private final ChannelExec channel;

        ScpLane(FileEntry file) throws IOException {
            this.file = file;
            // The first connection may have died with an earlier attempt; a fresh one costs little beside a whole file.
            this.own = connection.isOpen() ? null : connection.again();
            this.channel = (own == null ? connection : own).session().createExecChannel("scp -f " + ShellQuote.path(folder + "/" + file.name()));
            CoreModuleProperties.WINDOW_TIMEOUT.set(channel, stall);
            channel.open().verify(stall);
        }

        @Override
        public void carry(SegmentQueue queue) throws IOException {
            InputStream in = channel.getInvertedOut();
            OutputStream out = channel.getInvertedIn();
            acknowledge(out);
            String[] header = line(in).split(" ", 3);
            if (header.length != 3 || !header[0].matches("C[0-7]{4}") || !header[1].matches("\\d{1,18}")) {
                throw new IOException("scp announced no file");
            }
            if (Long.parseLong(header[1]) != file.size()) {
                throw new FileChanged("Cannot pull " + file.name() + " from " + connection.target().name() + ": it was listed with " + file.size() + " bytes and now has "
                        + header[1] + ". Something is still writing it; try again later.");
            }
            acknowledge(out);
            byte[] buffer = new byte[256 << 10];
            long[] left = {file.size()};
            SequentialLane.Source bytes = () -> {
                int n = in.read(buffer, 0, (int) Math.min(buffer.length, left[0]));
                left[0] -= Math.max(0, n);
                return n <= 0 ? null : ByteBuffer.wrap(buffer, 0, n);
            };
            SequentialLane.fill(bytes, 0, queue.next(), queue, file.size());
            while (left[0] > 0 && bytes.next() != null) {
                // the kept end of the file comes as well; what counts is the zero after it
            }
            if (in.read() != 0) {
                throw new FileChanged("Cannot pull " + file.name() + " from " + connection.target().name() + ": scp could not read it to the end.");
            }
            acknowledge(out);
        }

        private static void acknowledge(OutputStream out) throws IOException {
            out.write(0);
            out.flush();
        }

        private String line(InputStream in) throws IOException {
            StringBuilder line = new StringBuilder();
            int c = in.read();
            boolean error = c == 1 || c == 2;
            for (c = error ? in.read() : c; c >= 0 && c != '\n' && line.length() < LONGEST_LINE; c = in.read()) {
                line.append((char) c);
            }
            if (error || line.isEmpty()) {
                throw new IOException(line.isEmpty() ? "there is no scp on that machine, or it says nothing" : FramedShell.clip(new String(
                        line.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8)));
            }
            return line.toString();
        }

        @Override
        public void close() {
            channel.close(true);
            if (own != null) {
                own.close();
            }
        }
    }
}
