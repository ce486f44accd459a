package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.FerryException;
import java.time.Duration;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Puts unguessable marks around what a script prints and gives back only what lies between them: greetings and start-up
 * chatter of the login shell fall away, and output that was cut off is noticed. Scripts run under {@code sh} whatever the
 * login shell is.
 */
public final class FramedShell implements RemoteShell {
    private final RemoteShell shell;
    private final String place;
    private final Supplier<String> marks;

    /**
     * @param shell runs the framed command
     * @param place the machine, for messages
     */
    public FramedShell(RemoteShell shell, String place) {
        this(shell, place, () -> UUID.randomUUID().toString());
    }

    FramedShell(RemoteShell shell, String place, Supplier<String> marks) {
        this.shell = shell;
        this.place = place;
        this.marks = marks;
    }

    @Override
    public Result run(String script, Duration timeout) {
        String mark = marks.get();
        // The mark is put together on the far side, so that a shell which echoes the command does not print it.
        String framed = "m=" + mark + "; printf '\\nbegin-%s\\n' \"$m\"; (\n" + script + "\n); printf '\\nend-%s %s\\n' \"$m\" \"$?\"";
        Result raw = shell.run("sh -c " + ShellQuote.quote(framed), timeout);
        String begin = "\nbegin-" + mark + "\n";
        String end = "\nend-" + mark + " ";
        int from = raw.out().indexOf(begin);
        int to = raw.out().lastIndexOf(end);
        int lineEnd = to < 0 ? -1 : raw.out().indexOf('\n', to + end.length());
        if (from < 0 || to < from + begin.length() || lineEnd < 0) {
            throw new FerryException("Cannot read the answer of " + place + ": the command's output came without its frame (exit status " + raw.exit()
                    + (raw.err().isBlank() ? "" : ", it said: " + clip(raw.err())) + "). Check that plain commands can be run there over ssh.");
        }
        String status = raw.out().substring(to + end.length(), lineEnd).strip();
        return new Result(status.matches("\\d{1,3}") ? Integer.parseInt(status) : -1, raw.out().substring(from + begin.length(), to), raw.err());
    }

    /** The first line or so of what a far side said, made safe for a message. */
    static String clip(String text) {
        String line = text.strip().replaceAll("\\p{Cntrl}+", " ");
        return line.length() > 200 ? line.substring(0, 200) + "..." : line;
    }
}
