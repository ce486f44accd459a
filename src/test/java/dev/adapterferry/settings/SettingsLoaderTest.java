package dev.adapterferry.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.SettingsException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsLoaderTest {
    @TempDir
    Path folder;

    @Test
    void readsTheShippedFile() {
        Settings settings = new SettingsLoader(Path.of(""), Map.of()).load(Optional.empty(), Map.of()).settings();

        assertThat(settings.models()).containsOnlyKeys("majora", "nayru", "veran", "agahnim", "hylia");
        assertThat(settings.models().values()).allSatisfy(model -> assertThat(model.base()).contains("Qwen/Qwen2.5-7B-Instruct"));
        assertThat(settings.model("veran").formats()).containsExactly(Format.Q5_K_M, Format.Q8_0);
        assertThat(settings.model("majora").formats()).containsExactly(Format.Q4_K_M, Format.Q5_K_M, Format.Q8_0);
        assertThat(settings.home()).isEqualTo(Path.of(System.getProperty("user.home"), ".adapter-ferry"));
        assertThat(settings.vast().apiKey()).isEmpty();
    }

    @Test
    void takesDefaultsFromAnEmptyFileOrNone() throws IOException {
        Settings settings = load("").settings();
        assertThat(settings.models()).isEmpty();
        assertThat(settings.health().timeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(settings.ledger().url()).isEqualTo("jdbc:sqlite:" + settings.home() + "/ledger.db");
        assertThat(settings.pipeline().stages()).containsExactly(Stage.values());
        assertThat(settings.merge().shardSize()).isEqualTo(new Size(5_000_000_000L));
        assertThat(load("# only a comment\n").settings()).isEqualTo(settings);
        assertThat(load("vast:\nmodels:\nhealth:\n  forbidden:\n").settings()).isEqualTo(settings);
        Files.delete(folder.resolve("ferry.yaml"));
        assertThat(new SettingsLoader(folder, Map.of()).load(Optional.empty(), Map.of()).settings()).isEqualTo(settings);
    }

    @Test
    void refusesAMissingFileThatWasAskedFor() {
        Path missing = folder.resolve("other.yaml");
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.of(missing), Map.of()))
                .isInstanceOf(SettingsException.class).hasMessage("No settings file " + missing + ".");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "health: {load-timout: 5m} | Unknown setting health.load-timout in FILE, line 1; did you mean health.load-timeout?",
        "health: {load_timeout: 5m} | Unknown setting health.load_timeout in FILE, line 1; did you mean health.load-timeout?",
        "modles: {} | Unknown setting modles in FILE, line 1; did you mean models?",
        "notifications: {} | Unknown setting notifications in FILE, line 1; here it is called alerts.",
        "models: {a: {context_size: 4096}} | Unknown setting models.a.context_size in FILE, line 1; here it is called models.a.context-length.",
        "merge: {max-drop: 1} | Unknown setting merge.max-drop in FILE, line 1; did you mean evaluate.max-drop?",
        "routes: {zzzzzz: 1} | Unknown setting routes.zzzzzz in FILE, line 1; routes has path, reload.",
        "health: {timeout: 30} | Setting health.timeout in FILE, line 1: expected a time with its unit (such as 250ms, 30s, 5m, 2h, 30d), found '30'.",
        "health: {timeout: 99999999999999999999s} | Setting health.timeout in FILE, line 1: expected a time below 292 years, found '99999999999999999999s'.",
        "source: {bandwidth-limit: 20} | Setting source.bandwidth-limit in FILE, line 1: expected a size with its unit (such as 64KB, 5GB, 5GiB), found '20'.",
        "source: {channels: 0} | Setting source.channels in FILE, line 1: expected a whole number between 1 and 64, found '0'.",
        "source: {channels: 2.5} | Setting source.channels in FILE, line 1: expected a whole number between 1 and 64, found '2.5'.",
        "source: {transfer: ftp} | Setting source.transfer in FILE, line 1: expected one of auto, sftp, rsync, scp (did you mean sftp?), found 'ftp'.",
        "models: {a: {formats: [Q4_K_N]}} | Setting models.a.formats in FILE, line 1: expected one of F32, F16, BF16, Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q5_1, Q5_0, Q4_K_M, Q4_K_S, Q4_1, Q4_0, IQ4_NL, IQ4_XS, MXFP4_MOE, Q3_K_L, Q3_K_M, Q3_K_S, Q2_K (did you mean Q4_K_M?), found 'Q4_K_N'.",
        "inbox: {enabled: maybe} | Setting inbox.enabled in FILE, line 1: expected true or false, found 'maybe'.",
        "vast: {poll: '*/10 * * * *'} | Setting vast.poll in FILE, line 1: expected a Quartz schedule of six or seven fields, seconds first (such as '0 0/10 * * * ?'), found '*/10 * * * *'.",
        "hub: {endpoint: huggingface.co} | Setting hub.endpoint in FILE, line 1: expected an address such as http://127.0.0.1:1234, found 'huggingface.co'.",
        "home: [a] | Setting home in FILE, line 1: expected a single value, found a list.",
        "vast: fast | Setting vast in FILE, line 1: expected a section with the keys enabled, api-url, api-key, ssh-key, ssh-passphrase, ssh-user, known-hosts, poll, instance-label, timeout, found 'fast'.",
        "models: {../x: {}} | Name '../x' in FILE, line 1 cannot be used under models: use letters, digits, '.', '_' and '-', not beginning with a dot, at most 100.",
        "models: {a: {source: {instance-id: 1, url: 'hf:a/b'}}} | Section models.a.source in FILE, line 1: give either instance-id or url, not both.",
        "http: {host: 0.0.0.0} | Section http in FILE, line 1: host '0.0.0.0' is reachable from other machines: set token, or listen on 127.0.0.1.",
        "alerts: {slack: {enabled: true}} | Section alerts.slack in FILE, line 1: enabled is true, but webhook-url is not set.",
        "deploy: {ssh: 'host:/path'} | Section deploy in FILE, line 1: ssh must be ssh://user@host:port/path, found 'host:/path'.",
        "health: {forbidden: ['(']} | Setting health.forbidden in FILE, line 1: expected a regular expression (Unclosed group), found '('.",
        "vast: {api-key: '${NO_SUCH_KEY}'} | Setting vast.api-key in FILE, line 1 uses environment variable NO_SUCH_KEY, which is not set; set it, or write ${NO_SUCH_KEY:} if it may be missing.",
        "a: {a: 1, a: 2} | Setting 'a' in FILE, line 1 is given twice.",
        "health: {timeout: 3s | Cannot read the settings in FILE, line 1: expected ',' or '}', but got <stream end>.",
        "a: &x [*x] | Cannot read the settings in FILE, line 1: the file is nested too deep or refers to itself."})
    void refusesWithKeyPlaceFoundAndAllowed(String yaml, String message) {
        assertThatThrownBy(() -> load(yaml)).isInstanceOf(SettingsException.class).hasMessage(message.replace("FILE", folder.resolve("ferry.yaml").toString()));
    }

    @Test
    void refusesWhatIsNoSettingsFileInOneSentence() throws IOException {
        Path file = folder.resolve("ferry.yaml");
        for (String text : List.of("\u0000\u0001", "\t- a", "[".repeat(10_000), "{".repeat(10_000), "%YAML 9.9\n---\na: 1", "a: 1\n---\nb: 2", "- a\n- b", "just text", "? [a]\n: b",
                "health: !!javax.script.ScriptEngineManager [x]", "health: &h {timeout: *h}", "a: *nowhere", "\"open", "home: |", "models: {'': {}}", "models: {a: 3}", "health:\n timeout: 1s\n  retries: 2")) {
            Files.writeString(file, text);
            assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.of(file), Map.of())).as(text.substring(0, Math.min(20, text.length())))
                    .isInstanceOf(SettingsException.class).hasMessageContaining(file.toString());
        }
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0x00, (byte) 0xd8});
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.of(file), Map.of())).hasMessageContaining("it is not UTF-8 text");
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.of(folder), Map.of())).isInstanceOf(SettingsException.class);
    }

    @Test
    void tellsTheLineOfTheKeyAndEverythingThatIsWrong() {
        assertThatThrownBy(() -> load("health:\n  retries: x\n  nonsense: 1\n\nmodels:\n  a:\n    system-prompt: |\n      two\n      lines\n    temperature: hot\n"))
                .hasMessageStartingWith("3 settings are wrong:\n  ").hasMessageContaining("health.retries in " + folder.resolve("ferry.yaml") + ", line 2:")
                .hasMessageContaining("health.nonsense in " + folder.resolve("ferry.yaml") + ", line 3;")
                .hasMessageContaining("models.a.temperature in " + folder.resolve("ferry.yaml") + ", line 10:");
    }

    @Test
    void commandLineBeatsEnvironmentBeatsFileBeatsDefault() throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), "health: {timeout: 1s, load-timeout: 1s, retry-delay: 1s}\nmodels: {qwen2.5-c: {}}\n");
        LoadedSettings loaded = new SettingsLoader(folder, Map.of("FERRY_HEALTH_TIMEOUT", "2s", "FERRY_HEALTH_LOAD_TIMEOUT", "2s", "FERRY_MODELS_QWEN2_5_C_TEMPERATURE", "0.1",
                "FERRY_HEALTH_TEST_PROMPTS", "[\"a, b\", c]", "FERRY_QUANTIZE_FORMATS", "q8_0,f16"))
                .load(Optional.of(file), Map.of("health.timeout", "3s", "models.qwen2.5-c.context-length", "512", "models.new.base", "x/y"));

        Settings settings = loaded.settings();
        assertThat(settings.health().timeout()).isEqualTo(Duration.ofSeconds(3));
        assertThat(settings.health().loadTimeout()).isEqualTo(Duration.ofSeconds(2));
        assertThat(settings.health().retryDelay()).isEqualTo(Duration.ofSeconds(1));
        assertThat(settings.health().maxLatency()).isEqualTo(Duration.ofSeconds(30));
        assertThat(settings.health().testPrompts()).containsExactly("a, b", "c");
        assertThat(settings.model("qwen2.5-c")).returns(0.1, ModelSettings::temperature).returns(512, ModelSettings::contextLength)
                .returns(List.of(Format.Q8_0, Format.F16), ModelSettings::formats).returns(Optional.of(Format.Q8_0), ModelSettings::primaryFormat);
        assertThat(settings.model("new").base()).contains("x/y");
        assertThat(loaded.origin("health.timeout")).hasToString("Optional[command line (health.timeout)]");
        assertThat(loaded.origin("health.load-timeout")).hasToString("Optional[environment variable FERRY_HEALTH_LOAD_TIMEOUT]");
        assertThat(loaded.origin("health.retry-delay")).hasToString("Optional[" + file + ", line 1]");
        assertThat(loaded.origin("health.max-latency")).hasToString("Optional[default]");
        assertThat(loaded.origin("vast.api-key")).isEmpty();
    }

    @Test
    void warnsOfVariablesThatNameNoSetting() {
        LoadedSettings loaded = new SettingsLoader(folder, Map.of("FERRY_HEALTH_TIMOUT", "2s", "FERRY_JAVA_OPTS", "-Xmx1g", "HOME", "/")).load(Optional.empty(), Map.of());
        assertThat(loaded.warnings()).containsExactly("Environment variable FERRY_HEALTH_TIMOUT names no setting; did you mean FERRY_HEALTH_TIMEOUT?");
    }

    @Test
    void refusesUnknownOptionsLikeUnknownKeys() {
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.empty(), Map.of("health.timout", "2s")))
                .hasMessage("Unknown setting health.timout in command line (health.timout); did you mean health.timeout?");
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.empty(), Map.of("home.x", "2s", "home", "y"))).isInstanceOf(SettingsException.class);
    }

    @Test
    void fillsVariablesIn() throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                vast: {api-key: "${KEY}", api-url: "${URL:http://127.0.0.1:1/}"}
                hub: {offline: "${OFFLINE:false}", token: "${EMPTY:}"}
                models: {a: {system-prompt: "cost $${KEY} of ${WHO:you}"}}
                """);
        Settings settings = new SettingsLoader(folder, Map.of("KEY", "k-12345678", "OFFLINE", "1", "EMPTY", "")).load(Optional.of(file), Map.of()).settings();
        assertThat(settings.vast().apiKey().orElseThrow().reveal()).isEqualTo("k-12345678");
        assertThat(settings.vast().apiUrl()).isEqualTo(URI.create("http://127.0.0.1:1"));
        assertThat(settings.hub().offline()).isTrue();
        assertThat(settings.hub().token()).isEmpty();
        assertThat(settings.model("a").systemPrompt()).isEqualTo("cost ${KEY} of you");
    }

    @Test
    void neverShowsASecret() throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                vast: {api-key: "${KEY}"}
                alerts: {slack: {enabled: true, webhook-url: "${HOOK}"}}
                """);
        Map<String, String> environment = Map.of("KEY", "vast-secret-1", "HOOK", "https://example.org/hook/secret-2", "FERRY_HUB_TOKEN", "hub-secret-3");
        LoadedSettings loaded = new SettingsLoader(folder, environment).load(Optional.of(file), Map.of("ledger.password", "ledger-secret-4"));
        Settings settings = loaded.settings();

        assertThat(settings.toString() + loaded + settings.flat()).doesNotContain("secret-1", "secret-2", "secret-3", "secret-4");
        assertThat(settings.flat().get("hub.token")).returns("hub-secret-3", FlatValue::text).returns(true, FlatValue::secret).hasToString("***");
        assertThat(settings.flat().get("ledger.password").secret()).isTrue();
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of("PASS", "pg-secret-5")).load(Optional.empty(), Map.of("ledger.url", "jdbc:mysql://u:${PASS}@h/d")))
                .hasMessageNotContaining("pg-secret-5");
        assertThatThrownBy(() -> new SettingsLoader(folder, Map.of()).load(Optional.empty(), Map.of("hub.endpoint", "https://u:hub-secret-6@h")))
                .hasMessageContaining("without login and password").hasMessageNotContaining("hub-secret-6");
    }

    @Test
    void warnsOfSecretsInTheOpen() throws IOException {
        assertThat(load("hub: {token: plain-secret-7}\nvast: {api-key: '${NOT_SET:}'}\n").warnings()).containsExactly(
                "Setting hub.token in " + folder.resolve("ferry.yaml") + ", line 1 holds a secret in the open; write ${NAME} there and set the environment variable.");
    }

    @Test
    void saysWhatChangedAndWhatNeedsARestart() throws IOException {
        Settings before = load("health: {timeout: 1s}\nhub: {token: '${A:one-secret}'}\nmodels: {a: {}, b: {}}\n").settings();
        Settings after = load("health: {timeout: 2s}\nhub: {token: '${A:two-secret}'}\nmodels: {a: {temperature: 1}}\nledger: {lease: 1m}\n").settings();
        Changes changes = after.changesSince(before);
        assertThat(changes.keys()).contains("health.timeout", "hub.token", "models.a.temperature", "ledger.lease", "models.b.temperature").doesNotContain("models.a.context-length", "home");
        assertThat(changes.restart()).containsExactly("ledger.lease");
        assertThat(before.changesSince(before).isEmpty()).isTrue();
    }

    @Test
    void startsRelativePathsFromTheirRoot() throws IOException {
        Settings settings = load("home: work\nroutes: {path: my-routes}\nquantize: {imatrix: ~/i.gguf}\nlog: {path: /var/log/ferry}\n").settings();
        assertThat(settings.home()).isEqualTo(folder.resolve("work"));
        assertThat(settings.runs()).isEqualTo(folder.resolve("work/runs"));
        assertThat(settings.inbox().path()).isEqualTo(folder.resolve("work/inbox"));
        assertThat(settings.routes().path()).isEqualTo(folder.resolve("my-routes"));
        assertThat(settings.log().path()).isEqualTo(Path.of("/var/log/ferry"));
        assertThat(settings.quantize().imatrix()).contains(Path.of(System.getProperty("user.home"), "i.gguf"));
        assertThat(settings.ledger().url()).isEqualTo("jdbc:sqlite:" + folder.resolve("work/ledger.db"));
    }

    @Test
    void modelsTakeOverGeneralSettings() throws IOException {
        Settings settings = load("""
                merge: {base: org/general}
                deploy: {publisher: acme, lmstudio: {api-url: "http://10.0.0.2:1234"}}
                health: {test-prompts: "One, two?"}
                models:
                  plain: &plain
                    temperature: 0.5
                  own: {<<: *plain, base: org/own, publisher: me, endpoint: "http://127.0.0.1:5001", test-prompts: [a, b], deploy-as: own-v2}
                """).settings();
        assertThat(settings.model("plain")).returns(Optional.of("org/general"), ModelSettings::base).returns("acme", ModelSettings::publisher)
                .returns(URI.create("http://10.0.0.2:1234"), ModelSettings::endpoint).returns(List.of("One, two?"), ModelSettings::testPrompts);
        assertThat(settings.model("own")).returns(Optional.of("org/own"), ModelSettings::base).returns("me", ModelSettings::publisher).returns(0.5, ModelSettings::temperature)
                .returns(URI.create("http://127.0.0.1:5001"), ModelSettings::endpoint).returns(List.of("a", "b"), ModelSettings::testPrompts);
        assertThat(settings.deployName("own")).isEqualTo("own-v2");
        assertThat(settings.deployName("plain")).isEqualTo("plain");
        assertThatThrownBy(() -> settings.model("plane")).hasMessage("No model 'plane' in the settings; did you mean 'plain'?");
        assertThatThrownBy(() -> settings.model("zelda")).hasMessage("No model 'zelda' in the settings; known are plain, own.");
    }

    @Test
    void flattensEveryValueUnderItsKey() throws IOException {
        Map<String, FlatValue> flat = load("models: {a: {temperature: 1}}\nretention: {logs: 36h}\n").settings().flat();
        assertThat(flat.get("models.a.temperature")).hasToString("1");
        assertThat(flat.get("models.a.formats")).hasToString("Q4_K_M,Q5_K_M,Q8_0");
        assertThat(flat.get("retention.logs")).hasToString("1d12h");
        assertThat(flat.get("inbox.max-size")).hasToString("64000");
        assertThat(flat.get("stage.health-check")).hasToString("direct:check-health");
        assertThat(flat.get("pipeline.cleanup")).hasToString("on-success");
        assertThat(flat).doesNotContainKey("vast.api-key");
        assertThat(flat.keySet()).allSatisfy(key -> assertThat(Reference.rows()).extracting(Reference.Row::key).contains(key.replaceFirst("^models\\.a\\.", "models.<name>.")));
    }

    private LoadedSettings load(String yaml) throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), yaml);
        return new SettingsLoader(folder, Map.of()).load(Optional.of(file), Map.of());
    }
}
