package dev.adapterferry.camel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.sshd.server.Environment;
import org.apache.sshd.server.ExitCallback;
import org.apache.sshd.server.channel.ChannelSession;
import org.apache.sshd.server.command.Command;

/** A command of an SSH server, run by this machine's shell with its input; each stream is read to its end before the exit status is told. */
final class ShellCommand implements Command {
    private final String command;
    private InputStream in;
    private OutputStream out;
    private OutputStream err;
    private ExitCallback exit;
    private Process process;

    ShellCommand(String command) {
        this.command = command;
    }

    @Override
    public void setInputStream(InputStream stream) {
        in = stream;
    }

    @Override
    public void setOutputStream(OutputStream stream) {
        out = stream;
    }

    @Override
    public void setErrorStream(OutputStream stream) {
        err = stream;
    }

    @Override
    public void setExitCallback(ExitCallback callback) {
        exit = callback;
    }

    @Override
    public void start(ChannelSession channel, Environment environment) throws IOException {
        process = new ProcessBuilder("/bin/sh", "-c", command).start();
        Thread.ofPlatform().daemon().start(() -> copy(in, process.getOutputStream()));
        Thread errors = Thread.ofPlatform().daemon().start(() -> copy(process.getErrorStream(), err));
        Thread.ofPlatform().daemon().start(() -> {
            copy(process.getInputStream(), out);
            try {
                errors.join();
                exit.onExit(process.waitFor());
            } catch (InterruptedException e) {
                exit.onExit(-1, "interrupted");
            }
        });
    }

    private static void copy(InputStream from, OutputStream to) {
        byte[] buffer = new byte[64 << 10];
        try (from; to) {
            for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
                to.write(buffer, 0, n);
                to.flush();
            }
        } catch (IOException e) {
            // The other side has gone; its exit status says enough.
        }
    }

    @Override
    public void destroy(ChannelSession channel) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
