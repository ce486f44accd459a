package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LmStudioServerIT {
    private static final LmStudioServer.Timing QUICK = new LmStudioServer.Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMillis(1));
    private static final LmStudioServer.Timing IMPATIENT = new LmStudioServer.Timing(Duration.ofSeconds(10), Duration.ofMillis(50), Duration.ofMillis(1));

    @TempDir
    Path directory;

    private ModelFolder folder;
    private LmStudioDouble server;

    @BeforeEach
    void start() throws IOException {
        folder = new ModelFolder(directory.resolve("models"), "acme", "Majora");
        install("Q4_K_M");
        server = new LmStudioDouble(folder.models());
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void loadsTheWantedFileWithTheWantedContext() throws IOException {
        install("Q8_0");
        LmStudioServer.Loaded loaded = find(QUICK).load(folder, file("Q8_0"), 16384);

        assertThat(loaded).isEqualTo(new LmStudioServer.Loaded("majora", "Q8_0", 16384));
        assertThat(server.instances).containsOnlyKeys("majora");
        assertThat(server.instances.get("majora").file()).isEqualTo(folder.path().resolve("majora-Q8_0.gguf"));
    }

    /** LM Studio lists such files as MXFP4, as llama.cpp calls the type of their experts. */
    @Test
    void knowsAMixtureOfExpertsByTheTypeOfItsExperts() throws IOException {
        install("MXFP4");
        Release.File file = new Release.File("majora-MXFP4.gguf", "MXFP4_MOE", "weights MXFP4".length(), "0".repeat(64));
        assertThat(find(QUICK).load(folder, file, 4096).quantization()).isEqualTo("MXFP4");
    }

    @Test
    void neverMakesASecondInstance() {
        LmStudioServer lmStudio = find(QUICK);
        lmStudio.load(folder, file("Q4_K_M"), 4096);
        LmStudioServer.Loaded again = lmStudio.load(folder, file("Q4_K_M"), 8192);

        assertThat(again.modelId()).isEqualTo("majora");
        assertThat(server.instances).containsOnlyKeys("majora");
    }

    @Test
    void unloadsEveryInstanceButNoOtherModel() {
        server.instances.put("majora", new LmStudioDouble.Instance("majora", folder.path().resolve("majora-Q4_K_M.gguf"), "Q4_K_M", 4096));
        server.instances.put("majora:2", new LmStudioDouble.Instance("majora", folder.path().resolve("majora-Q4_K_M.gguf"), "Q4_K_M", 4096));
        server.instances.put("veran", new LmStudioDouble.Instance("veran", folder.path().resolve("majora-Q4_K_M.gguf"), "Q4_K_M", 4096));
        find(QUICK).unload(folder);
        assertThat(server.instances).containsOnlyKeys("veran");
    }

    @Test
    void waitsUntilTheIndexHasTheFile() throws IOException {
        LmStudioServer lmStudio = find(QUICK);
        server.indexDelay = 20;
        install("Q8_0");
        assertThat(lmStudio.load(folder, file("Q8_0"), 4096).quantization()).isEqualTo("Q8_0");
    }

    @Test
    void saysWhatIsListedWhenTheFileNeverIs() {
        assertThatThrownBy(() -> find(IMPATIENT).load(folder, file("Q8_0"), 4096)).isInstanceOf(TransientFailure.class)
                .hasMessageContaining("does not list majora-Q8_0.gguf").hasMessageContaining("majora Q4_K_M").hasMessageContaining(folder.models().toString());
    }

    @Test
    void noticesAnotherContextThanAskedFor() {
        server.forcedContext = 2048;
        assertThatThrownBy(() -> find(QUICK).load(folder, file("Q4_K_M"), 8192)).isInstanceOf(FerryException.class).hasMessageContaining("2048 tokens instead of 8192");
    }

    @Test
    void passesTheTokenOn() {
        server.token = "sk-lm-test-token";
        assertThat(LmStudioServer.find(server.endpoint(), null, new JdkHttpCaller(), QUICK)).isPresent();
        Endpoint wrong = new Endpoint(server.base(), new Secret("another-token"), Duration.ofSeconds(5));
        assertThat(LmStudioServer.find(wrong, null, new JdkHttpCaller(), QUICK)).isEmpty();
    }

    @Test
    void findsNoServerWhereNobodyListens() {
        Endpoint endpoint = server.endpoint();
        server.close();
        assertThat(LmStudioServer.find(endpoint, null, new JdkHttpCaller(), QUICK)).isEmpty();
    }

    @Test
    void anOlderServerLoadsByBeingAsked() {
        server.nativeV1 = false;
        LmStudioServer.Loaded loaded = find(QUICK).load(folder, file("Q4_K_M"), 4096);
        assertThat(loaded).isEqualTo(new LmStudioServer.Loaded("majora", "Q4_K_M", 4096));
        assertThatThrownBy(() -> find(QUICK).unload(folder)).isInstanceOf(FerryException.class).hasMessageContaining("no way to unload");
    }

    @Test
    void anOlderServerIsSteeredByItsCommand() throws IOException {
        server.nativeV1 = false;
        Path state = directory.resolve("loaded");
        Path lms = script("""
                #!/bin/sh
                # Behaves like lms: JSON on standard output, chatter on standard error, exit code 0 also when nothing happened.
                echo "I [LMStudioClient] connected" >&2
                case "$1" in
                  ls) echo '[{"type":"llm","modelKey":"majora","publisher":"acme","path":"acme/Majora/majora-Q4_K_M.gguf","sizeBytes":14,"quantization":{"name":"Q4_K_M","bits":4}}]' ;;
                  ps) if [ -s STATE ]; then cat STATE; else echo '[]'; fi ;;
                  load) [ "$3" = --exact ] && echo "[{\\"identifier\\":\\"$8\\",\\"path\\":\\"$2\\",\\"contextLength\\":$6}]" > STATE ;;
                  unload) : > STATE ;;
                esac
                """.replace("STATE", state.toString()));
        LmStudioServer lmStudio = LmStudioServer.find(server.endpoint(), lms, new JdkHttpCaller(), QUICK).orElseThrow();

        assertThat(lmStudio.load(folder, file("Q4_K_M"), 8192)).isEqualTo(new LmStudioServer.Loaded("majora", "Q4_K_M", 8192));
        assertThat(state).content().contains("acme/Majora/majora-Q4_K_M.gguf");
        lmStudio.unload(folder);
        assertThat(state).isEmptyFile();
    }

    @Test
    void aCommandThatOnlyPretendsToUnloadIsFoundOut() throws IOException {
        server.nativeV1 = false;
        Path lms = script("""
                #!/bin/sh
                case "$1" in
                  ls) echo '[{"modelKey":"majora","publisher":"acme","path":"acme/Majora/majora-Q4_K_M.gguf","sizeBytes":14,"quantization":{"name":"Q4_K_M"}}]' ;;
                  ps) echo '[{"identifier":"majora","path":"acme/Majora/majora-Q4_K_M.gguf","contextLength":4096}]' ;;
                  unload) echo "Model not found" >&2 ;;
                esac
                """);
        LmStudioServer lmStudio = LmStudioServer.find(server.endpoint(), lms, new JdkHttpCaller(), QUICK).orElseThrow();
        assertThatThrownBy(() -> lmStudio.unload(folder)).isInstanceOf(FerryException.class).hasMessageContaining("still loaded");
    }

    private Path script(String text) throws IOException {
        Path file = Files.writeString(directory.resolve("lms"), text);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private LmStudioServer find(LmStudioServer.Timing timing) {
        Optional<LmStudioServer> found = LmStudioServer.find(server.endpoint(), null, new JdkHttpCaller(), timing);
        assertThat(found).isPresent();
        return found.get();
    }

    private void install(String format) throws IOException {
        Files.writeString(Files.createDirectories(folder.path()).resolve("majora-" + format + ".gguf"), "weights " + format);
    }

    private static Release.File file(String format) {
        return new Release.File("majora-" + format + ".gguf", format, ("weights " + format).length(), "0".repeat(64));
    }
}
