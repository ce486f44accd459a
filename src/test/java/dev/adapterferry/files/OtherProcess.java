package dev.adapterferry.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A process that tries to lock a file which this one may hold. */
public final class OtherProcess {
    private OtherProcess() { }

    /** Tries to lock the last byte that a file can have, which every lock on the whole file covers, and prints whether it was free. */
    public static void main(String[] arguments) throws IOException {
        try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE)) {
            System.out.print(channel.tryLock(Long.MAX_VALUE - 1, 1, false) == null ? "locked" : "free");
        }
    }

    /** Whether a process other than this one is kept from locking a file. */
    public static boolean isLockedOut(Path file) throws Exception {
        Process process = new ProcessBuilder(ProcessHandle.current().info().command().orElse("java"), "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
                OtherProcess.class.getName(), file.toString()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0 || !said.equals("locked") && !said.equals("free")) {
            throw new AssertionError("the other process ended with " + process.exitValue() + ": " + said);
        }
        return said.equals("locked");
    }
}
