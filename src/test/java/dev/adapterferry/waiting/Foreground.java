package dev.adapterferry.waiting;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Commands that hear Ctrl-C wherever the tests run: a shell's background jobs ignore SIGINT, and so would every child of theirs. */
public final class Foreground {
    private static final Path ENV = Path.of("/usr/bin/env");

    private Foreground() { }

    /** The beginning of a command line, to which the program and its arguments are added. */
    public static List<String> command() {
        boolean resets = Files.isExecutable(ENV) && System.getProperty("os.name").equals("Linux");
        return new ArrayList<>(resets ? List.of(ENV.toString(), "--default-signal=INT") : List.of());
    }
}
