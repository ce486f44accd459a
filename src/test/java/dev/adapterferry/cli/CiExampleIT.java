package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs the script of ci-cd.md as it stands there, with the packaged program. */
@DisabledOnOs(OS.WINDOWS)
class CiExampleIT {
    private static final Path BIN = Path.of(System.getProperty("ferry.dist", "target/ferry")).toAbsolutePath().resolve("bin");

    @TempDir
    Path folder;

    private record Ended(int code, String out) { }

    private Ended build(Path adapter) throws Exception {
        Matcher block = Pattern.compile("```sh\\n(set -eu.*?)```", Pattern.DOTALL).matcher(Files.readString(Path.of("src/docs/ci-cd.md")));
        assertThat(block.find()).isTrue();
        Path script = Files.writeString(folder.resolve("carry.sh"), block.group(1));
        ProcessBuilder builder = new ProcessBuilder("/bin/sh", script.toString()).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().put("PATH", BIN + ":" + System.getenv("PATH"));
        builder.environment().put("MODEL", "captain");
        builder.environment().put("ADAPTER", adapter.toString());
        builder.environment().put("CONFIG", folder.resolve("ferry.yaml").toString());
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), out);
    }

    @Test
    void carriesReportsAndFailsForTheRightReason() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models: {captain: {base: %s, formats: [Q8_0], primary-format: Q8_0}}
                deploy: {lmstudio: {enabled: never}}
                pipeline: {stages: [download, merge, quantize, deploy]}
                """.formatted(folder.resolve("home"), material.base()));
        Ended carried = build(material.training());
        assertThat(carried.code()).as(carried.out()).isZero();
        assertThat(carried.out()).contains("carried: release 1");
        assertThat(new ObjectMapper().readTree(folder.resolve("report.json").toFile()).get(0).path("state").asText()).isEqualTo("done");
        Ended failed = build(folder.resolve("no-such-adapter"));
        assertThat(failed.code()).as(failed.out()).isEqualTo(ExitCode.FAILED);
        assertThat(failed.out()).contains("no-such-adapter").contains("a stage failed");
    }
}
