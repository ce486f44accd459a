package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** Every command line that the documents show, and every one that the program's own sentences advise, is one that the program understands. */
class DocumentedCommandsTest {
    /** A line to type, in a block of a document; redirections and comments are the shell's. */
    private static final Pattern TYPED = Pattern.compile("^ *(?:\\S*&& )?(?:target/ferry/bin/)?ferry ([a-z][^│|>#&\\n]*)", Pattern.MULTILINE);
    /** A mention in a sentence: `ferry cancel RUN`, 'ferry retry RUN'. */
    private static final Pattern MENTIONED = Pattern.compile("[`']ferry ([a-z]+(?: [^`'\"]*)?)[`']");

    /** Where something was said. */
    private record Said(Path file, String words) { }

    private static List<Path> files(String folder, String... ends) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(folder))) {
            return files.filter(file -> Arrays.stream(ends).anyMatch(end -> file.toString().endsWith(end))).sorted().toList();
        }
    }

    private static List<Said> find(List<Path> files, Pattern pattern) throws IOException {
        List<Said> all = new ArrayList<>();
        for (Path file : files) {
            Matcher found = pattern.matcher(Files.readString(file));
            while (found.find()) {
                all.add(new Said(file, found.group(1).strip()));
            }
        }
        return all;
    }

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(files("src/docs", ".md"));
        documents.add(Path.of("README.md"));
        return documents;
    }

    @Test
    void everyLineToTypeIsUnderstood() throws IOException {
        CommandLine ferry = Ferry.commandLine();
        List<Said> typed = find(documents(), TYPED);
        assertThat(typed).hasSizeGreaterThan(10);
        for (Said line : typed) {
            // Where the picture of the README shows a command beside others there are two spaces behind it.
            String[] arguments = line.words().split(" {2,}")[0].replace("\"", "").split(" +");
            assertThatCode(() -> ferry.parseArgs(arguments)).as(line.toString()).doesNotThrowAnyException();
        }
    }

    @Test
    void everyCommandThatASentenceNamesExistsWithItsOptions() throws IOException {
        List<Path> files = new ArrayList<>(documents());
        files.addAll(files("src/main/java", ".java"));
        files.addAll(files("config", ".yaml", ".properties"));
        files.addAll(files("routes", ".yaml"));
        Map<String, CommandLine> commands = Ferry.commandLine().getSubcommands();
        List<Said> mentioned = find(files, MENTIONED);
        assertThat(mentioned).hasSizeGreaterThan(40);
        for (Said mention : mentioned) {
            String[] words = mention.words().split("[ |\\[\\]]+");
            CommandLine command = commands.get(words[0]);
            assertThat(command).as(mention.toString()).isNotNull();
            Arrays.stream(words).filter(word -> word.matches("--?[a-z].*")).map(word -> word.replaceFirst("[=.,;:].*", ""))
                    .forEach(option -> assertThat(command.getCommandSpec().findOption(option)).as(option + " in " + mention).isNotNull());
        }
    }
}
