package dev.adapterferry.source.vast;

import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
import java.util.List;

/**
 * The addresses at which an instance's SSH server may answer, best first: the machine itself, the proxy as the vast.ai
 * command line computes it (one port higher when Jupyter runs beside), and the proxy without that correction, because
 * vast.ai's own tools disagree about it. All lead to user {@code root}.
 */
public final class VastEndpoints {
    private VastEndpoints() { }

    /**
     * An address to try.
     *
     * @param host host name or IP address
     * @param port TCP port
     * @param way  {@code direct} or {@code proxy}
     */
    public record Candidate(String host, int port, String way) { }

    /**
     * Computes the candidates.
     *
     * @param instance a running instance
     * @return at least one candidate, best first, without doubles
     * @throws InstanceAway   when the instance does not run
     * @throws FerryException when it has no address
     */
    public static List<Candidate> of(VastInstance instance) {
        if (!instance.isRunning()) {
            throw new InstanceAway("Cannot reach vast.ai instance " + instance.id() + ": it is " + instance.status()
                    + (instance.statusMessage().isEmpty() ? "" : " (" + instance.statusMessage() + ")") + ", not running. Start it with 'vastai start instance "
                    + instance.id() + "' and try again.");
        }
        List<Candidate> candidates = new ArrayList<>();
        if (!instance.publicAddress().isEmpty() && instance.directPort() > 0) {
            candidates.add(new Candidate(instance.publicAddress(), instance.directPort(), "direct"));
        }
        if (!instance.sshHost().isEmpty() && instance.sshPort() > 0) {
            boolean jupyter = instance.runType().contains("jupyter");
            if (jupyter && instance.sshPort() < 65535) {
                candidates.add(new Candidate(instance.sshHost(), instance.sshPort() + 1, "proxy"));
            }
            candidates.add(new Candidate(instance.sshHost(), instance.sshPort(), "proxy"));
            if (!jupyter && instance.sshPort() < 65535) {
                candidates.add(new Candidate(instance.sshHost(), instance.sshPort() + 1, "proxy"));
            }
        }
        if (candidates.isEmpty()) {
            throw new FerryException("Cannot reach vast.ai instance " + instance.id() + ": it has neither an open SSH port nor an SSH proxy. "
                    + "Its image must be started in an SSH launch mode.");
        }
        return candidates;
    }
}
