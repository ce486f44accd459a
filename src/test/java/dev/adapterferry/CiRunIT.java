package dev.adapterferry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code .ci/run} on a machine of which only the names of its programs are real: each writes down how it was called. */
@EnabledOnOs(OS.LINUX)
class CiRunIT {
    private static final Path SCRIPT = Path.of(".ci/run");

    @TempDir
    Path machine;

    /** What the script calls there, line by line. */
    private List<String> calls(boolean npm, boolean packages) throws Exception {
        Path bin = Files.createDirectories(machine.resolve("bin"));
        for (String tool : List.of("dirname", "mktemp", "rm", "grep", "touch", "chmod")) {
            link(bin, tool);
        }
        program(bin.resolve("uname"), "echo Linux x86_64");
        program(bin.resolve("dpkg"), "[ $2 != npm ] && exit " + (packages ? 0 : 1));
        // Debian's npm is there once it has been installed.
        program(bin.resolve("apt-get"), "case \"$*\" in *npm*) printf '#!%s\\necho npm \"$@\" >> %s\\n' \"$BASH\" '" + log() + "' > " + bin + "/npm; chmod +x " + bin + "/npm;; esac");
        program(bin.resolve("mvn"), "true");
        if (npm) {
            program(bin.resolve("npm"), "true");
        }
        Path project = Files.createDirectories(machine.resolve("project/.ci")).getParent();
        Files.copy(SCRIPT, project.resolve(".ci/run"));
        program(Files.createDirectories(project.resolve("target/ferry/bin")).resolve("ferry"), "true");
        ProcessBuilder builder = new ProcessBuilder(real("bash").toString(), project.resolve(".ci/run").toString()).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().put("PATH", bin.toString());
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        return Files.readAllLines(log());
    }

    private Path log() {
        return machine.resolve("calls");
    }

    private static Path real(String tool) {
        return Stream.of("/bin", "/usr/bin").map(folder -> Path.of(folder, tool)).filter(Files::isExecutable).findFirst().orElseThrow(() -> new AssertionError("no " + tool));
    }

    /** What the script needs of the system, which nobody writes down. */
    private static void link(Path bin, String tool) throws IOException {
        Path file = Files.writeString(bin.resolve(tool), "#!" + real("bash") + "\nexec " + real(tool) + " \"$@\"\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    private void program(Path file, String act) throws IOException {
        Files.writeString(file, "#!" + real("bash") + "\necho " + file.getFileName() + " \"$@\" >> " + log() + "\n" + act + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    @Test
    void installsNpmWhereThereIsNone() throws Exception {
        List<String> calls = calls(false, true).stream().filter(call -> !call.startsWith("dpkg") && !call.startsWith("uname")).toList();
        assertThat(calls).startsWith("apt-get update -qq");
        assertThat(calls.get(1)).startsWith("apt-get install").endsWith(" npm");
        assertThat(calls.get(2)).startsWith("npm install").contains("target/llama.cpp").contains("@node-llama-cpp/linux-x64@");
        assertThat(calls.subList(3, calls.size())).extracting(call -> call.replaceAll(" .*", "")).containsExactly("mvn", "ferry", "ferry");
    }

    @Test
    void leavesAnNpmAloneThatCameFromElsewhere() throws Exception {
        assertThat(calls(true, true)).noneMatch(call -> call.startsWith("apt-get")).anyMatch(call -> call.startsWith("npm install"));
    }

    @Test
    void installsWhatIsMissing() throws Exception {
        assertThat(calls(true, false)).filteredOn(call -> call.startsWith("apt-get install")).singleElement().asString().contains("libgomp1").contains("postgresql").doesNotContain("npm");
    }
}
