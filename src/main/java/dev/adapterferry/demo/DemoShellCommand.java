package dev.adapterferry.demo;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.sshd.server.Environment;
import org.apache.sshd.server.ExitCallback;
import org.apache.sshd.server.channel.ChannelSession;
import org.apache.sshd.server.command.Command;

/**
 * Runs one command in this machine's shell. Each stream is read to its end before the exit status is told: whoever asks a
 * process "are you alive" and its pipe "is there more" can miss what is being drained in between.
 */
final class DemoShellCommand implements Command {
    private final String command;
    private OutputStream out;
    private OutputStream err;
    private ExitCallback exit;
    private Process process;

    DemoShellCommand(String command) {
        this.command = command;
    }

    @Override
    public void setInputStream(InputStream in) {
        // The pull gives its commands no input.
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
        process.getOutputStream().close();
        Thread errors = Thread.ofVirtual().start(() -> copy(process.getErrorStream(), err));
        Thread.ofVirtual().start(() -> {
            copy(process.getInputStream(), out);
            try {
                errors.join();
                exit.onExit(process.waitFor());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                exit.onExit(-1, "interrupted");
            }
        });
    }

    private static void copy(InputStream from, OutputStream to) {
        try (from) {
            from.transferTo(to);
            to.flush();
        } catch (IOException e) {
            // The other side has gone; its exit status says enough.
        }
    }

    @Override
    public void destroy(ChannelSession channel) {
        if (process != null) {
            process.destroyForcibly();
        }
    }
}
