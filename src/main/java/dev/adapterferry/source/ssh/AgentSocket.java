package dev.adapterferry.source.ssh;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.apache.sshd.agent.common.AbstractAgentProxy;
import org.apache.sshd.common.util.buffer.Buffer;
import org.apache.sshd.common.util.buffer.ByteArrayBuffer;

/**
 * The user's SSH agent over its Unix socket, by the JDK's own socket channel: MINA's agent client needs native code.
 * Protocol: draft-miller-ssh-agent, a 32-bit length before each message.
 */
final class AgentSocket extends AbstractAgentProxy {
    private static final int MAX_ANSWER = 1 << 20;

    private final SocketChannel channel;

    AgentSocket(Path socket) throws IOException {
        super(null);
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    protected synchronized Buffer request(Buffer buffer) throws IOException {
        ByteBuffer question = ByteBuffer.wrap(buffer.array(), buffer.rpos(), buffer.available());
        while (question.hasRemaining()) {
            channel.write(question);
        }
        int length = read(4).getInt();
        if (length < 1 || length > MAX_ANSWER) {
            throw new IOException("the SSH agent announces an answer of " + length + " bytes");
        }
        return new ByteArrayBuffer(read(length).array());
    }

    private ByteBuffer read(int length) throws IOException {
        ByteBuffer answer = ByteBuffer.allocate(length);
        while (answer.hasRemaining()) {
            if (channel.read(answer) < 0) {
                throw new EOFException("the SSH agent hung up");
            }
        }
        return answer.flip();
    }

    @Override
    public void close() throws IOException {
        channel.close();
        super.close();
    }
}
