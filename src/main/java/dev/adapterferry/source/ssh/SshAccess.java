package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.transfer.Pause;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.sshd.agent.SshAgent;
import org.apache.sshd.agent.SshAgentFactory;
import org.apache.sshd.agent.SshAgentServer;
import org.apache.sshd.client.ClientBuilder;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.config.hosts.HostConfigEntryResolver;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.AttributeRepository;
import org.apache.sshd.common.FactoryManager;
import org.apache.sshd.common.NamedFactory;
import org.apache.sshd.common.channel.ChannelFactory;
import org.apache.sshd.common.cipher.BuiltinCiphers;
import org.apache.sshd.common.kex.BuiltinDHFactories;
import org.apache.sshd.common.keyprovider.KeyIdentityProvider;
import org.apache.sshd.common.session.ConnectionService;
import org.apache.sshd.common.session.Session;
import org.apache.sshd.core.CoreModuleProperties;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ferry's SSH client: tries a machine's addresses in order with short timeouts and gives a logged-in connection. One
 * per process is enough; it is safe for many threads. Reads neither {@code ~/.ssh/config} nor the user's known hosts.
 */
public final class SshAccess implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(SshAccess.class);
    // The receive window decides how much may be under way on a slow path; the largest packets cost the fewest turns.
    private static final long WINDOW_BYTES = 32L << 20;
    private static final long PACKET_BYTES = 128L << 10;
    private static final AttributeRepository.AttributeKey<KnownHosts> HOSTS = new AttributeRepository.AttributeKey<>();

    private final SshLogin login;
    private final SshKeys keys;
    private final boolean agent;
    private final SshClient client;
    private final Pause pause;

    /** @param login keys, known hosts and patience */
    public SshAccess(SshLogin login) {
        this(login, Pause.SLEEP);
    }

    SshAccess(SshLogin login, Pause pause) {
        this.login = login;
        this.pause = pause;
        this.keys = new SshKeys(login);
        this.agent = login.keys().isEmpty() && login.agentSocket().filter(java.nio.file.Files::exists).isPresent();
        this.client = SshClient.setUpDefaultClient();
        client.setHostConfigEntryResolver(HostConfigEntryResolver.EMPTY);
        client.setKeyIdentityProvider(KeyIdentityProvider.wrapKeyPairs(keys.pairs()));
        client.setUserAuthFactoriesNames("publickey");
        client.setAgentFactory(agent ? new Agents(login.agentSocket().orElseThrow()) : null);
        client.setServerKeyVerifier((session, address, key) -> {
            KnownHosts hosts = session.getConnectionContext().getAttribute(HOSTS);
            return hosts != null && hosts.verifyServerKey(session, address, key);
        });
        // AES-GCM first: both sides have instructions for it, ChaCha20 (OpenSSH's own first choice) costs twice the time.
        client.setCipherFactories(List.of(BuiltinCiphers.aes128gcm, BuiltinCiphers.aes256gcm, BuiltinCiphers.cc20p1305_openssh,
                BuiltinCiphers.aes128ctr, BuiltinCiphers.aes192ctr, BuiltinCiphers.aes256ctr));
        // Every lane shakes hands: sntrup761 (OpenSSH's first choice) costs most of a second in Java before it is compiled, so it
        // comes last; ML-KEM guards against quantum computers as well and costs next to nothing.
        client.setKeyExchangeFactories(NamedFactory.setUpTransformedFactories(true, List.of(BuiltinDHFactories.mlkem768x25519, BuiltinDHFactories.curve25519,
                BuiltinDHFactories.curve25519_libssh, BuiltinDHFactories.ecdhp256, BuiltinDHFactories.ecdhp384, BuiltinDHFactories.ecdhp521,
                BuiltinDHFactories.dhg16_512, BuiltinDHFactories.dhg14_256, BuiltinDHFactories.sntrup761x25519_openssh), ClientBuilder.DH2KEX));
        CoreModuleProperties.WINDOW_SIZE.set(client, WINDOW_BYTES);
        CoreModuleProperties.MAX_PACKET_SIZE.set(client, PACKET_BYTES);
        CoreModuleProperties.NIO2_READ_BUFFER_SIZE.set(client, 256 << 10);
        CoreModuleProperties.TCP_NODELAY.set(client, true);
        CoreModuleProperties.HEARTBEAT_INTERVAL.set(client, login.keepAlive());
        CoreModuleProperties.HEARTBEAT_NO_REPLY_MAX.set(client, 3);
        CoreModuleProperties.AUTH_TIMEOUT.set(client, login.connectTimeout().multipliedBy(4));
        client.start();
    }

    /** The login that connections use. */
    public SshLogin login() {
        return login;
    }

    /** The key files that are offered; empty when only the agent is. */
    public List<Path> keyFiles() {
        return List.copyOf(keys.files());
    }

    /**
     * Connects to the first address of a machine that answers and accepts the login.
     *
     * @param target the machine
     * @return a connection, closed by the caller
     * @throws FerryException    when the login or the host key was refused
     * @throws TransientFailure when no address answered
     */
    public SshConnection connect(SshTarget target) {
        if (keys.pairs().isEmpty() && !agent) {
            throw new FerryException("Cannot log in to " + target.name() + ": found no SSH key (tried " + keys.tried(false)
                    + "). Make one with ssh-keygen, or name one in the settings.");
        }
        for (int attempt = 1; ; attempt++) {
            List<Refusal> refusals = new ArrayList<>();
            for (SshEndpoint endpoint : target.endpoints()) {
                try {
                    SshConnection connection = connect(target, endpoint);
                    LOG.info("Connected to {} at {} ({})", target.name(), endpoint, endpoint.way());
                    return connection;
                } catch (Refusal e) {
                    LOG.debug("{} at {}: {}", target.name(), endpoint, e.getMessage());
                    refusals.add(e);
                }
            }
            boolean refusedLogin = refusals.stream().anyMatch(r -> r.kind == Refusal.Kind.LOGIN);
            if (!refusedLogin || attempt >= login.loginAttempts()) {
                throw sentence(target, refusals);
            }
            LOG.info("{} refused the login; a fresh key may need some seconds, trying again", target.name());
            pause.pause(login.loginWait());
        }
    }

    /** Another connection to an address that has worked. */
    SshConnection connectAgain(SshTarget target, SshEndpoint endpoint) throws IOException {
        return connect(target, endpoint);
    }

    private SshConnection connect(SshTarget target, SshEndpoint endpoint) throws Refusal {
        KnownHosts hosts = new KnownHosts(login.knownHosts(), target.alias() + "-" + endpoint.way());
        ClientSession session;
        try {
            AttributeRepository context = AttributeRepository.ofKeyValuePair(HOSTS, hosts);
            session = Cancellation.current().interrupting("connecting to " + target.name(),
                    () -> client.connect(endpoint.user(), endpoint.host(), endpoint.port(), context, null).verify(login.connectTimeout()).getSession());
        } catch (Cancelled e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw new Refusal(Refusal.Kind.SILENT, endpoint, "does not answer (" + reason(e) + ")", e);
        }
        boolean in = false;
        try {
            Cancellation.current().interrupting("logging in to " + target.name(), () -> session.auth().verify(login.connectTimeout().multipliedBy(2)));
            hosts.remember();
            in = true;
            return new SshConnection(this, target, endpoint, hosts, session);
        } catch (IOException e) {
            if (hosts.refusal() != null) {
                throw new Refusal(Refusal.Kind.HOST_KEY, endpoint, hosts.refusal(), e);
            }
            boolean refused = String.valueOf(e.getMessage()).contains("No more authentication methods");
            throw new Refusal(refused ? Refusal.Kind.LOGIN : Refusal.Kind.SILENT, endpoint,
                    refused ? "refuses the login" : "answers, but the SSH handshake fails (" + reason(e) + ")", e);
        } finally {
            if (!in) {
                session.close(true);
            }
        }
    }

    private FerryException sentence(SshTarget target, List<Refusal> refusals) {
        String found = String.join("; ", refusals.stream().map(r -> r.endpoint.way() + " " + r.endpoint + " " + r.getMessage()).toList());
        Throwable cause = refusals.isEmpty() ? null : refusals.getFirst();
        if (refusals.stream().anyMatch(r -> r.kind == Refusal.Kind.HOST_KEY)) {
            return new FerryException("Refusing to log in to " + target.name() + ": " + found + ".", cause);
        }
        if (refusals.stream().anyMatch(r -> r.kind == Refusal.Kind.LOGIN)) {
            return new FerryException("Cannot log in to " + target.name() + ": " + found + ". Offered " + keys.tried(agent) + ". " + target.remedy(), cause);
        }
        return new TransientFailure("Cannot reach " + target.name() + ": " + (found.isEmpty() ? "it has no address" : found) + ".", cause);
    }

    private static String reason(Exception e) {
        String text = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return FramedShell.clip(text);
    }

    @Override
    public void close() {
        client.stop();
    }

    /** Why one address did not do. */
    private static final class Refusal extends IOException {
        private static final long serialVersionUID = 1L;
        private final Kind kind;
        private final transient SshEndpoint endpoint;

        enum Kind { SILENT, LOGIN, HOST_KEY }

        Refusal(Kind kind, SshEndpoint endpoint, String message, Exception cause) {
            super(message, cause);
            this.kind = kind;
            this.endpoint = endpoint;
        }
    }

    /** Lets MINA ask the user's agent for signatures; never forwards it. */
    private record Agents(Path socket) implements SshAgentFactory {
        @Override
        public List<ChannelFactory> getChannelForwardingFactories(FactoryManager manager) {
            return List.of();
        }

        @Override
        public SshAgent createClient(Session session, FactoryManager manager) {
            try {
                return new AgentSocket(socket);
            } catch (IOException e) {
                LOG.warn("The SSH agent at {} does not answer: {}", socket, e.getMessage());
                return null;
            }
        }

        @Override
        public SshAgentServer createServer(ConnectionService service) {
            throw new UnsupportedOperationException("the agent is never forwarded");
        }
    }
}
