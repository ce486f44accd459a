package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry validate} and {@code ferry routes} on the real route files and on broken copies of them. */
class ValidateCommandIT {
    @TempDir
    Path folder;

    private Path routes;
    private Path settings;

    @BeforeEach
    void copy() throws IOException {
        routes = Files.createDirectories(folder.resolve("routes"));
        settings = folder.resolve("ferry.yaml");
        Files.writeString(settings, "home: " + folder.resolve("home") + "\nmodels:\n  majora: {formats: [Q8_0]}\nhttp: {enabled: false}\n");
        try (Stream<Path> files = Files.list(Path.of("routes"))) {
            for (Path file : files.toList()) {
                Files.copy(file, routes.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private FerryCall ferry(String... arguments) {
        return FerryCall.of(settings, arguments);
    }

    private void edit(String file, String from, String to) throws IOException {
        Path path = routes.resolve(file + ".camel.yaml");
        String text = Files.readString(path);
        assertThat(text).contains(from);
        Files.writeString(path, text.replace(from, to));
    }

    @Test
    void findsTheRealRoutesWell() throws IOException {
        FerryCall ended = ferry("validate", "--routes", routes.toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("1 models").containsPattern("\\d\\d routes");
        assertThat(folder.resolve("home/inbox")).as("nothing was started").doesNotExist();
        assertThat(folder.resolve("home/ledger.db")).doesNotExist();
    }

    @Test
    void namesEveryUnreadableFileWithItsLine() throws IOException {
        edit("housekeeping", "method: sweep", "method: [sweep");
        edit("probe-models", "ref: probes", "ref: [probes");
        FerryCall ended = ferry("validate", "--routes", routes.toString());
        assertThat(ended.code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(ended.err()).contains("housekeeping.camel.yaml:18: ").containsPattern("probe-models\\.camel\\.yaml:\\d+: ");
    }

    @Test
    void namesWhatCannotBeBuiltAlsoInRoutesThatAreSwitchedOff() throws IOException {
        edit("http-api", "method: models", "method: modles");
        FerryCall ended = ferry("validate", "--routes", routes.toString(), "--json");
        assertThat(ended.code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(ended.out()).contains("\"valid\" : false").contains("http-api.camel.yaml").contains("modles").containsPattern("\"line\" : [1-9]");
    }

    @Test
    void namesWrongSettings() throws IOException {
        Files.writeString(settings, "home: " + folder.resolve("home") + "\nhealth: {timeot: 3s}\n");
        FerryCall ended = ferry("validate");
        assertThat(ended.code()).isEqualTo(ExitCode.SETTINGS);
    }

    @Test
    void listsTheRoutesOfTheFilesWhenNoDaemonAnswers() {
        FerryCall ended = ferry("routes");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).containsPattern("pipeline +not running +pipeline\\.camel\\.yaml +Carries one run");
        assertThat(ended.err()).contains("No daemon");
    }
}
