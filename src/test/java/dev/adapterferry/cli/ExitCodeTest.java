package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.probe.Status;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ExitCodeTest {
    @Test
    void readmeListsEveryCode() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        String section = readme.substring(readme.indexOf("## Exit codes"), readme.indexOf("## Where things are"));
        List<Integer> listed = Pattern.compile("(?m)^\\| (\\d+) \\|").matcher(section).results().map((MatchResult row) -> Integer.valueOf(row.group(1))).toList();
        List<Integer> known = Arrays.stream(ExitCode.class.getFields()).map(ExitCodeTest::value).sorted().toList();
        assertThat(listed).isEqualTo(known).doesNotHaveDuplicates();
    }

    @Test
    void healthHasCodesOfItsOwn() {
        assertThat(Status.HEALTHY.exitCode()).isEqualTo(ExitCode.DONE);
        assertThat(Status.UNHEALTHY.exitCode()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(Status.DEGRADED.exitCode()).isEqualTo(ExitCode.DEGRADED);
    }

    private static Integer value(Field field) {
        try {
            return (Integer) field.get(null);
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }
}
