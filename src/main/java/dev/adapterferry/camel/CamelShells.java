package dev.adapterferry.camel;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.source.ssh.RemoteShell;
import dev.adapterferry.source.ssh.SshConnection;
import dev.adapterferry.source.ssh.SshLogin;
import dev.adapterferry.source.ssh.TrustedClients;
import dev.adapterferry.stage.AdapterSources;
import java.time.Duration;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Carries remote commands over the route {@code run-remote-command}, that is over Camel's SSH component. */
final class CamelShells implements AdapterSources.ShellChoice {
    private static final String ROUTE = "direct:run-remote-command";

    private final Templates templates;
    private final TrustedClients clients;

    CamelShells(Templates templates, TrustedClients clients) {
        this.templates = templates;
        this.clients = clients;
    }

    @Override
    public RemoteShell over(SshConnection connection, SshLogin login) {
        if (!clients.hasKeys()) {
            // Only the agent can log in; the connection that stands speaks with it, the component cannot.
            return connection;
        }
        clients.trust(connection);
        return (command, timeout) -> run(connection, command, timeout);
    }

    private RemoteShell.Result run(SshConnection connection, String command, Duration timeout) {
        String what = "a command on " + connection.target().name();
        // Its channel is closed by the client that TrustedClients has built; the interrupt is for the time until there is one.
        Exchange answer = Cancellation.current().interrupting(what, () -> templates.get().request(ROUTE, exchange -> {
            Message in = exchange.getMessage();
            in.setBody(command);
            in.setHeader("FerrySshUser", connection.endpoint().user());
            in.setHeader("FerrySshHost", connection.endpoint().host());
            in.setHeader("FerrySshPort", connection.endpoint().port());
            in.setHeader("FerryTimeout", timeout.toMillis());
        }));
        Cancellation.current().check(what);
        if (answer.getException() != null) {
            throw new TransientFailure("A command on " + connection.target().name() + " could not be run: " + RouteGeneration.innermost(answer.getException()), answer.getException());
        }
        Message out = answer.getMessage();
        String text = out.getBody(String.class);
        String errors = out.getHeader("CamelSshStderr", String.class);
        Integer exit = out.getHeader("CamelSshExitValue", Integer.class);
        return new RemoteShell.Result(exit == null ? -1 : exit, text == null ? "" : text, errors == null ? "" : errors);
    }
}
