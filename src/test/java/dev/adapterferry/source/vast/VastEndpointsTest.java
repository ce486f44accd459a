package dev.adapterferry.source.vast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.secret.Secret;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Addresses of an instance, and where the key is found. */
class VastEndpointsTest {
    private static VastInstance instance(String more) throws Exception {
        return VastInstance.read(new ObjectMapper().readTree("{\"id\":7,\"actual_status\":\"running\",\"intended_status\":\"running\"," + more + "}"));
    }

    private static List<String> candidates(String more) throws Exception {
        return VastEndpoints.of(instance(more)).stream().map(c -> c.way() + " " + c.host() + ":" + c.port()).toList();
    }

    @Test
    void triesTheMachineFirstThenTheProxyAsTheCommandLineComputesIt() throws Exception {
        String proxy = "\"ssh_host\":\"ssh5.vast.ai\",\"ssh_port\":100";
        String direct = ",\"public_ipaddr\":\"1.2.3.4\",\"ports\":{\"22/tcp\":[{\"HostPort\":\"20000\"}]}";
        assertThat(candidates(proxy + direct + ",\"image_runtype\":\"ssh ssh_direc ssh_proxy\"")).containsExactly("direct 1.2.3.4:20000", "proxy ssh5.vast.ai:100", "proxy ssh5.vast.ai:101");
        assertThat(candidates(proxy + ",\"ports\":null,\"image_runtype\":\"jupyter_direc ssh_direc ssh_proxy\"")).containsExactly("proxy ssh5.vast.ai:101", "proxy ssh5.vast.ai:100");
    }

    @Test
    void saysWhyThereIsNoAddress() {
        assertThatThrownBy(() -> candidates("\"ssh_host\":null,\"ports\":null")).isExactlyInstanceOf(FerryException.class).hasMessageContaining("SSH launch mode");
    }

    @ParameterizedTest
    @ValueSource(strings = {"exited", "unknown", "offline", "stopped", "loading"})
    void doesNotWaitForAnInstanceThatDoesNotRun(String status) {
        assertThatThrownBy(() -> candidates("\"actual_status\":\"" + status + "\",\"status_msg\":\"host is down\"")).isInstanceOf(InstanceAway.class)
                .hasMessageContaining("it is " + status + " (host is down), not running").hasMessageContaining("vastai start instance 7");
    }

    @Test
    void findsTheKeyWhereTheCommandLineKeepsIt(@TempDir Path home) throws Exception {
        assertThatThrownBy(() -> VastKey.find(Optional.empty(), Map.of(), home)).isInstanceOf(SettingsException.class).hasMessageContaining("VAST_API_KEY").hasMessageContaining("vast_api_key");
        Files.writeString(home.resolve(".vast_api_key"), "legacy\n");
        assertThat(VastKey.find(Optional.empty(), Map.of(), home).secret().reveal()).isEqualTo("legacy");
        Path config = Files.createDirectories(home.resolve(".config/vastai"));
        Files.writeString(config.resolve("vast_api_key"), " usual \n");
        assertThat(VastKey.find(Optional.empty(), Map.of(), home).secret().reveal()).isEqualTo("usual");
        Files.writeString(config.resolve("vast_tfa_key"), "session");
        assertThat(VastKey.find(Optional.empty(), Map.of(), home).origin()).endsWith("vast_tfa_key");
        Path elsewhere = Files.createDirectories(home.resolve("xdg/vastai"));
        Files.writeString(elsewhere.resolve("vast_api_key"), "moved");
        assertThat(VastKey.find(Optional.empty(), Map.of("XDG_CONFIG_HOME", home.resolve("xdg").toString()), home).secret().reveal()).isEqualTo("moved");
        assertThat(VastKey.find(Optional.empty(), Map.of("VAST_API_KEY", " env "), home).secret().reveal()).isEqualTo("env");
        assertThat(VastKey.find(Optional.of(new Secret("set")), Map.of("VAST_API_KEY", "env"), home).origin()).isEqualTo("vast.api-key");
        assertThatThrownBy(() -> VastKey.find(Optional.of(new Secret("two lines\nX: y")), Map.of(), home)).isInstanceOf(SettingsException.class).hasMessageNotContaining("two lines");
    }
}
