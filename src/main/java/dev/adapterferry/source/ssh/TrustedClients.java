package dev.adapterferry.source.ssh;

import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.io.OutputStream;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.sshd.client.ClientBuilder;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.channel.AbstractClientChannel;
import org.apache.sshd.client.config.hosts.HostConfigEntryResolver;
import org.apache.sshd.common.channel.Channel;
import org.apache.sshd.common.channel.ChannelListener;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.keyprovider.KeyIdentityProvider;
import org.apache.sshd.common.keyprovider.KeyPairProvider;
import org.apache.sshd.common.session.SessionContext;
import org.apache.sshd.core.CoreModuleProperties;

/**
 * Builds SSH clients for others (a messaging component) that are as careful as our own: they log in with the same keys,
 * talk only to machines whose host key one of our connections has verified, and stop listening to a command that prints
 * without end.
 */
public final class TrustedClients extends ClientBuilder {
    private final Supplier<SshLogin> login;
    private final Map<String, PublicKey> trusted = new ConcurrentHashMap<>();

    /** @param login keys and patience; asked anew for each client, so that changed settings reach the next one */
    public TrustedClients(Supplier<SshLogin> login) {
        this.login = login;
    }

    /** The keys in the form that asks for one by its type: the first, of whatever type it is; a client offers the others by itself. */
    public KeyPairProvider keys() {
        return new KeyPairProvider() {
            @Override
            public KeyPair loadKey(SessionContext session, String type) {
                return new SshKeys(login.get()).pairs().stream().findFirst().orElse(null);
            }

            @Override
            public Iterable<String> getKeyTypes(SessionContext session) {
                return new SshKeys(login.get()).pairs().stream().map(KeyUtils::getKeyType).toList();
            }

            @Override
            public Iterable<KeyPair> loadKeys(SessionContext session) {
                return new SshKeys(login.get()).pairs();
            }
        };
    }

    /** Whether there are key files to log in with; an agent's keys are not reachable for these clients. */
    public boolean hasKeys() {
        return !new SshKeys(login.get()).pairs().isEmpty();
    }

    /** Lets clients talk to the machine of a connection that stands. */
    public void trust(SshConnection connection) {
        trusted.put(address(connection.endpoint().host(), connection.endpoint().port()), connection.session().getServerKey());
    }

    private static String address(String host, int port) {
        return host + ":" + port;
    }

    @Override
    public SshClient build(boolean isFillWithDefaultValues) {
        SshClient client = super.build(true);
        client.setHostConfigEntryResolver(HostConfigEntryResolver.EMPTY);
        client.setKeyIdentityProvider(KeyIdentityProvider.wrapKeyPairs(new SshKeys(login.get()).pairs()));
        client.setUserAuthFactoriesNames("publickey");
        client.setServerKeyVerifier((session, address, key) -> {
            // The address as it was asked for: the session knows it before any name is resolved.
            Object asked = session.getConnectAddress();
            String name = asked instanceof java.net.InetSocketAddress inet ? address(inet.getHostString(), inet.getPort()) : String.valueOf(asked);
            PublicKey expected = trusted.get(name);
            return expected != null && KeyUtils.compareKeys(expected, key);
        });
        CoreModuleProperties.AUTH_TIMEOUT.set(client, login.get().connectTimeout().multipliedBy(4));
        client.addChannelListener(new ChannelListener() {
            /** Called in the thread that has the command run: its request to stop closes the channel, which ends the component's wait. */
            @Override
            public void channelInitialized(Channel channel) {
                Cancellation.Hook hook = Cancellation.current().onRequest(() -> channel.close(true));
                channel.addCloseFutureListener(closed -> hook.close());
            }

            @Override
            public void channelOpenSuccess(Channel channel) {
                if (channel instanceof AbstractClientChannel command) {
                    bound(command);
                }
            }
        });
        return client;
    }

    private static void bound(AbstractClientChannel command) {
        if (command.getOut() != null) {
            command.setOut(new Bounded(command.getOut()));
        }
        if (command.getErr() != null) {
            command.setErr(new Bounded(command.getErr()));
        }
    }

    /** Passes bytes on up to the limit; beyond it fails, which ends the channel. */
    private static final class Bounded extends OutputStream {
        private final OutputStream into;
        private long left = SshConnection.MAX_OUTPUT;

        Bounded(OutputStream into) {
            this.into = into;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            left -= length;
            if (left < 0) {
                throw new IOException("a command printed more than " + (SshConnection.MAX_OUTPUT >> 20) + " MiB");
            }
            into.write(bytes, offset, length);
        }
    }

}
