package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class CommandsPageTest {
    /** Run {@link CommandsPage#main} (or this with {@code -Dferry.regenerate=true}) after changing a command. */
    @Test
    void pageSaysWhatTheCommandsSay() throws IOException {
        if (Boolean.getBoolean("ferry.regenerate")) {
            CommandsPage.main(new String[0]);
        }
        assertThat(Files.readString(CommandsPage.PAGE)).isEqualTo(CommandsPage.text());
    }

    @Test
    void everyCommandAndOptionSaysWhatItDoes() {
        for (CommandLine command : Ferry.commandLine().getSubcommands().values()) {
            CommandSpec spec = command.getCommandSpec();
            assertThat(String.join(" ", spec.usageMessage().description())).as(spec.name()).endsWith(".").hasSizeLessThan(600);
            assertThat(spec.options()).as(spec.name()).allSatisfy(option -> assertThat(String.join(" ", option.description())).as(spec.name() + " " + Arrays.toString(option.names())).endsWith("."));
            assertThat(spec.positionalParameters()).allSatisfy(parameter -> assertThat(String.join(" ", parameter.description())).as(spec.name() + " " + parameter.paramLabel()).endsWith("."));
        }
    }

    @Test
    void helpIsOrderedByWhatOneWantsToDo() {
        String help = Ferry.commandLine().getUsageMessage(CommandLine.Help.Ansi.OFF);
        assertThat(help).containsSubsequence("Carry models", "deploy", "See what happened", "runs", "logs", "When something went wrong", "retry", "cancel", "Try it out", "demo");
        assertThat(CommandMap.groups(Ferry.commandLine().getSubcommands().keySet())).as("every command has its place in the map").doesNotContainKey("More");
        Ferry.commandLine().getSubcommands().keySet().forEach(name -> assertThat(help).contains("\n  " + name + " "));
    }
}
