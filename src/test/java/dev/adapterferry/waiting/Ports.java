package dev.adapterferry.waiting;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports for servers that have to be told theirs, and ports on which nobody listens. */
public final class Ports {
    /** Below the ports that systems hand out to whoever asks for any: nobody is given one of these by chance before it is used. */
    private static final int FIRST = 15_000;
    private static final int END = 32_000;

    private Ports() { }

    /** A port of the loopback on which nobody listens. */
    public static int free() throws IOException {
        for (int left = 100; ; left--) {
            int port = ThreadLocalRandom.current().nextInt(FIRST, END);
            try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return probe.getLocalPort();
            } catch (IOException e) {
                if (left == 0) {
                    throw e;
                }
            }
        }
    }
}
