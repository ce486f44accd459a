package dev.adapterferry.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** Runs the command line inside the tests' JVM. */
final class InProcess {
    private InProcess() { }

    /**
     * How a command ended.
     *
     * @param code exit code
     * @param out  standard output
     * @param err  standard error
     */
    record Ended(int code, String out, String err) { }

    /** Runs {@code ferry ARGUMENTS}. */
    static Ended ferry(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream outBefore = System.out;
        PrintStream errBefore = System.err;
        PrintStream captured = new PrintStream(err, true, StandardCharsets.UTF_8);
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(captured);
        try {
            CommandLine line = Ferry.commandLine();
            line.setOut(new PrintWriter(System.out, true));
            line.setErr(new PrintWriter(captured, true));
            int code = line.execute(arguments);
            return new Ended(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(outBefore);
            System.setErr(errBefore);
        }
    }
}
