package dev.adapterferry.ledger;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process that can be told from every other one, also from a later process of the same number.
 *
 * @param host  name of the machine
 * @param pid   process number
 * @param birth what tells two processes of one number apart. On Linux {@code boot:namespace:ticks}: the kernel's boot id, the
 *              namespace in which the number holds (containers may share a host's name), and the start in clock ticks, which no
 *              change of the clock moves; elsewhere the start in seconds
 */
record Owner(String host, long pid, String birth) {
    private static final Owner SELF = new Owner(hostName(), ProcessHandle.current().pid(), birth(ProcessHandle.current().pid()).orElse("unknown"));

    /** This process. */
    static Owner self() {
        return SELF;
    }

    /** Reads what {@link #toString()} wrote. */
    static Owner parse(String text) {
        String[] parts = text.split(" ", 3);
        return new Owner(parts[0], Long.parseLong(parts[1]), parts[2]);
    }

    /** Whether the process is known to be gone; of another machine or another container nothing is known. */
    boolean isDead() {
        if (!host.equals(SELF.host)) {
            return false;
        }
        String[] theirs = birth.split(":");
        String[] ours = SELF.birth.split(":");
        boolean elsewhere = theirs.length == 3 && ours.length == 3 && theirs[0].equals(ours[0]) && !theirs[1].equals(ours[1]);
        return !elsewhere && !birth(pid).filter(birth::equals).isPresent();
    }

    private static Optional<String> birth(long pid) {
        Path stat = Path.of("/proc", Long.toString(pid), "stat");
        try {
            String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
            String space = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString().replaceAll("\\D", "");
            String line = Files.readString(stat);
            // The program's name stands in brackets and may hold anything; fields are counted behind it: state is the third, start the 22nd.
            String[] fields = line.substring(line.lastIndexOf(')') + 2).split(" ");
            return fields[0].equals("Z") || fields[0].equals("X") ? Optional.empty() : Optional.of(boot + ":" + space + ":" + fields[19]);
        } catch (IOException e) {
            return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).flatMap(process -> process.info().startInstant()).map(start -> Long.toString(start.getEpochSecond()));
        }
    }

    private static String hostName() {
        try {
            Path name = Path.of("/proc/sys/kernel/hostname");
            return (Files.isReadable(name) ? Files.readString(name) : InetAddress.getLocalHost().getHostName()).strip().replace(' ', '-');
        } catch (UnknownHostException e) {
            return "localhost";
        } catch (IOException e) {
            return "localhost";
        }
    }

    @Override
    public String toString() {
        return host + " " + pid + " " + birth;
    }
}
