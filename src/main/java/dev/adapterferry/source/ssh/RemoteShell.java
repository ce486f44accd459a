package dev.adapterferry.source.ssh;

import java.time.Duration;

/**
 * Runs one command on the far side. The only thing that listings, checksums and the question "is it finished" need, so
 * that the routes can carry commands over another SSH client.
 */
@FunctionalInterface
public interface RemoteShell {
    /**
     * Runs a command in the login shell, without a terminal and without input.
     *
     * @param command a POSIX shell command, already quoted
     * @param timeout limit for the whole command
     * @return what it printed, and its exit status
     * @throws dev.adapterferry.failure.TransientFailure when the connection broke or the time was over
     * @throws dev.adapterferry.failure.FerryException    when it printed more than is accepted
     */
    Result run(String command, Duration timeout);

    /**
     * What a command left.
     *
     * @param exit exit status; -1 when the server gave none
     * @param out  standard output, UTF-8
     * @param err  standard error, UTF-8
     */
    record Result(int exit, String out, String err) { }
}
