package dev.adapterferry.stage;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.hub.HubApi;
import dev.adapterferry.hub.HubEnvironment;
import dev.adapterferry.hub.HubTerms;
import dev.adapterferry.hub.HubTree;
import dev.adapterferry.settings.HubSettings;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SourceSettings;
import dev.adapterferry.settings.VastSettings;
import dev.adapterferry.source.ObjectStore;
import dev.adapterferry.source.ObjectTree;
import dev.adapterferry.source.RemoteAdapter;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.source.Sources;
import dev.adapterferry.source.ssh.RemoteShell;
import dev.adapterferry.source.ssh.SftpTransfer;
import dev.adapterferry.source.ssh.SshAccess;
import dev.adapterferry.source.ssh.SshConnection;
import dev.adapterferry.source.ssh.SshLogin;
import dev.adapterferry.source.ssh.TransferMethod;
import dev.adapterferry.source.vast.VastApi;
import dev.adapterferry.source.vast.VastInstance;
import dev.adapterferry.source.vast.VastKey;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** From the settings and a request to the place where an adapter lies. */
public final class AdapterSources {
    /** Failures in a row without a byte between them before a transfer is given up. */
    private static final int ATTEMPTS = 5;

    private final HttpCaller http;
    /** The hub tells sizes and digests in the headers of its redirects, which a messaging component keeps to itself. */
    private final HttpCaller hubHttp = new JdkHttpCaller();
    private final ShellChoice shells;
    private final BucketChoice buckets;

    /** Opens buckets of an object store. */
    @FunctionalInterface
    public interface BucketChoice {
        /** The bucket of this name in the store that the settings describe. */
        ObjectStore open(String bucket);
    }

    /** Which client carries remote commands over a connection that stands. */
    @FunctionalInterface
    public interface ShellChoice {
        /** The shell to use instead of the connection's own; may be that one. */
        RemoteShell over(SshConnection connection, SshLogin login);
    }

    /**
     * @param http    sends the calls to vast.ai
     * @param shells  carries remote commands
     * @param buckets opens buckets
     */
    public AdapterSources(HttpCaller http, ShellChoice shells, BucketChoice buckets) {
        this.http = http;
        this.shells = shells;
        this.buckets = buckets;
    }

    /**
     * Where the adapter of a model is to come from.
     *
     * @throws SettingsException when neither request nor settings say it
     */
    public SourceSpec spec(Settings settings, String name, Optional<String> instanceId) {
        ModelSettings.Source source = settings.model(name).source();
        if (instanceId.isPresent()) {
            return new SourceSpec.Vast(number(instanceId.get()), source.path());
        }
        if (source.url().isPresent()) {
            return SourceSpec.parse(source.url().get().replaceFirst("^sftp://", "ssh://").replaceFirst("^file:(?!//)", "file://").replaceFirst("^hf:(?!//)", "hf://"));
        }
        if (source.instanceId().isPresent()) {
            return new SourceSpec.Vast(source.instanceId().getAsLong(), source.path());
        }
        return labelled(settings, name).map(instance -> (SourceSpec) new SourceSpec.Vast(instance.id(), source.path())).orElseThrow(() -> new SettingsException("Cannot tell where the adapter of "
                + name + " comes from: models." + name + ".source names neither instance-id nor url, and no vast.ai instance carries the label '" + label(settings, name)
                + "'. Set one of them, or say --instance-id ID or --adapter DIR."));
    }

    private static long number(String id) {
        try {
            return Long.parseLong(id.strip());
        } catch (NumberFormatException e) {
            throw new SettingsException("'" + id + "' is no vast.ai instance id; expected the number that vast.ai shows.");
        }
    }

    private static String label(Settings settings, String name) {
        return settings.vast().instanceLabel().replace("{model}", name);
    }

    /** The instance whose label belongs to the model, when a key is known at all. */
    private Optional<VastInstance> labelled(Settings settings, String name) {
        if (!hasKey(settings)) {
            return Optional.empty();
        }
        List<VastInstance> found = vast(settings).list().stream().filter(i -> label(settings, name).equals(i.label())).toList();
        if (found.size() > 1) {
            throw new SettingsException(found.size() + " vast.ai instances carry the label '" + label(settings, name) + "': "
                    + found.stream().map(i -> Long.toString(i.id())).toList() + ". Name one by models." + name + ".source.instance-id.");
        }
        return found.stream().findFirst();
    }

    /** Whether a key for vast.ai is known. */
    public boolean hasKey(Settings settings) {
        try {
            key(settings.vast());
            return true;
        } catch (SettingsException e) {
            return false;
        }
    }

    /** The vast.ai client. */
    public VastApi vast(Settings settings) {
        return new VastApi(http, settings.vast().apiUrl(), key(settings.vast()), settings.vast().timeout());
    }

    private static VastKey key(VastSettings vast) {
        return VastKey.find(vast.apiKey(), System.getenv(), Path.of(System.getProperty("user.home")));
    }

    /** Opens sources with the settings' keys and patience. */
    public Sources open(Settings settings) {
        SshLogin login = login(settings);
        SourceSettings source = settings.source();
        Sources.Ssh ssh = new Sources.Ssh(() -> new SshAccess(login), settings.vast().sshUser(), TransferMethod.valueOf(source.transfer().name()),
                new SftpTransfer.Terms(source.channels(), ATTEMPTS, source.timeout()), connection -> shells.over(connection, login));
        return new Sources(ssh, () -> vast(settings), repository -> HubTree.open(new HubApi(hubHttp, hub(settings)), repository.repository(), repository.revision()),
                bucket -> new ObjectTree(buckets.open(bucket.bucket()), bucket, source.channels()));
    }

    /** Which hub, which cache, which token: the settings first, then what the Python tools read. */
    static HubTerms hub(Settings settings) {
        HubSettings hub = settings.hub();
        HubEnvironment environment = new HubEnvironment(System.getenv(), Path.of(System.getProperty("user.home")));
        return new HubTerms(hub.endpoint(), hub.token().or(environment::token), hub.cache().orElseGet(environment::cache), hub.offline() || environment.offline(),
                hub.channels(), hub.timeout());
    }

    /** Keys, known hosts and patience as the settings have them. */
    public static SshLogin login(Settings settings) {
        VastSettings vast = settings.vast();
        SshLogin usual = SshLogin.usual(System.getenv(), vast.knownHosts());
        SshLogin patient = new SshLogin(usual.keys(), usual.home(), usual.agentSocket(), vast.sshPassphrase(), usual.knownHosts(),
                settings.source().connectTimeout(), usual.loginAttempts(), usual.loginWait(), usual.keepAlive());
        return vast.sshKey().map(key -> patient.withKeys(List.of(key))).orElse(patient);
    }

    /** What a look at a folder insists on, as the settings have it. */
    static RemoteAdapter.Look look(Settings settings) {
        return new RemoteAdapter.Look(settings.source().settle(), RemoteAdapter.Choice.valueOf(settings.source().checkpoint().name()), settings.source().maxFileSize().bytes());
    }
}
