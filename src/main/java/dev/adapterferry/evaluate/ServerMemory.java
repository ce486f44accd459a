package dev.adapterferry.evaluate;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.LoggerFactory;
import oshi.SystemInfo;
import oshi.software.os.InternetProtocolStats;
import oshi.software.os.OSProcess;
import oshi.software.os.OperatingSystem;

/** Memory of a server on this machine: the process that listens on its port, with all its children, where models run. */
final class ServerMemory {
    private ServerMemory() { }

    /** Resident bytes, or null when the server is elsewhere or the system does not tell whose port it is. */
    static Long of(URI server) {
        try {
            if (!InetAddress.getByName(server.getHost()).isLoopbackAddress()) {
                return null;
            }
            int port = server.getPort() >= 0 ? server.getPort() : server.getScheme().equals("https") ? 443 : 80;
            OperatingSystem system = new SystemInfo().getOperatingSystem();
            long total = 0;
            Set<Integer> seen = new HashSet<>();
            Deque<Integer> waiting = new ArrayDeque<>(listeners(system, port));
            while (!waiting.isEmpty()) {
                int id = waiting.poll();
                OSProcess process = seen.add(id) ? system.getProcess(id) : null;
                if (process != null) {
                    total += process.getResidentSetSize();
                    system.getChildProcesses(id, null, null, 0).forEach(child -> waiting.add(child.getProcessID()));
                }
            }
            return total == 0 ? null : total;
        } catch (UnknownHostException | RuntimeException e) {
            // Systems answer this in many ways; a score does not fail on it.
            LoggerFactory.getLogger(ServerMemory.class).debug("No word about the memory of {}", server, e);
            return null;
        }
    }

    private static List<Integer> listeners(OperatingSystem system, int port) {
        return system.getInternetProtocolStats().getConnections().stream()
                .filter(connection -> connection.getLocalPort() == port && connection.getState() == InternetProtocolStats.TcpState.LISTEN && connection.getowningProcessId() > 0)
                .map(InternetProtocolStats.IPConnection::getowningProcessId).distinct().toList();
    }
}
