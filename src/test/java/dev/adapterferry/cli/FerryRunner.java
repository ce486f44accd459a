package dev.adapterferry.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** Runs commands inside the test's JVM, as a shell would see them. */
final class FerryRunner {
    private FerryRunner() { }

    /**
     * How a command ended.
     *
     * @param code exit code
     * @param out  standard output
     * @param err  standard error
     */
    record Ended(int code, String out, String err) {
        String all() {
            return out + err;
        }
    }

    static Ended ferry(String... arguments) {
        ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
        ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
        PrintStream outBefore = System.out;
        PrintStream errBefore = System.err;
        PrintStream out = new PrintStream(outBytes, true, StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(errBytes, true, StandardCharsets.UTF_8);
        System.setOut(out);
        System.setErr(err);
        try {
            CommandLine line = Ferry.commandLine();
            line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
            line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
            int code = line.execute(arguments);
            return new Ended(code, outBytes.toString(StandardCharsets.UTF_8), errBytes.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(outBefore);
            System.setErr(errBefore);
        }
    }
}
