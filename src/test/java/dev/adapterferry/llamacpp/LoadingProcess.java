package dev.adapterferry.llamacpp;

import static org.assertj.core.api.Assertions.fail;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Opens files with the embedded llama.cpp in a process of its own: a file that the library does not survive must not end the tests. */
public final class LoadingProcess {
    private static final String LOADED = "loaded";

    private LoadingProcess() { }

    /** Opens each file and says what came of it, a line each. */
    public static void main(String[] files) {
        for (String file : files) {
            System.out.println(outcome(Path.of(file)));
        }
    }

    private static String outcome(Path file) {
        try (LoadedModel model = LoadedModel.open(file)) {
            return LOADED;
        } catch (FerryException e) {
            return e.getMessage().replace('\n', ' ');
        }
    }

    /**
     * What the embedded llama.cpp says of files.
     *
     * @param folder for what the process prints
     * @param files  GGUF files
     * @return for each the sentence with which it is refused, or {@code loaded}
     */
    public static List<String> outcomes(Path folder, List<Path> files) throws IOException, InterruptedException {
        Path said = folder.resolve("said.log");
        List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java"), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                "-Dstdout.encoding=UTF-8", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), LoadingProcess.class.getName()));
        files.forEach(file -> command.add(file.toString()));
        Process process = new ProcessBuilder(command).redirectError(said.toFile()).start();
        List<String> outcomes = process.inputReader(StandardCharsets.UTF_8).lines().toList();
        int code = process.waitFor();
        if (outcomes.size() < files.size()) {
            fail("llama.cpp ended the process (exit code %d) over %s: %s", code, files.get(outcomes.size()), Files.readString(said));
        }
        return outcomes;
    }
}
