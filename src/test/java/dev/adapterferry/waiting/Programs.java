package dev.adapterferry.waiting;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** Programs of the system that tests need. */
public final class Programs {
    private Programs() { }

    /** Skips the calling test where the programs are absent; on a build server that is a failure. */
    public static void assume(String... programs) {
        for (String program : programs) {
            if (find(program) == null) {
                String message = "needs " + program + ", which .ci/run installs from Debian";
                if ("true".equals(System.getenv("CI"))) {
                    Assertions.fail(message);
                }
                Assumptions.abort(message);
            }
        }
    }

    /** Runs a program of which nothing is wanted but that it ends well; whether it does. */
    public static boolean succeed(String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            return process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** Where a program lies; null when it is not installed. */
    public static Path find(String program) {
        for (String folder : (System.getenv("PATH") + ":/usr/sbin:/usr/lib/openssh:/usr/libexec/openssh").split(":")) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return Path.of(folder, program);
            }
        }
        return null;
    }
}
