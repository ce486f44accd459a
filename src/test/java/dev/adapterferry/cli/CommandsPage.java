package dev.adapterferry.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Writes {@code src/docs/commands.md} from the commands themselves. Run its {@link #main} after a command has changed. */
final class CommandsPage {
    static final Path PAGE = Path.of("src/docs/commands.md");

    private static final String HEAD = """
            # Commands

            Made from the program itself (`CommandsPage`); a test holds it to that. `ferry COMMAND --help` says the same. What the settings say is in
            [settings.md](settings.md).

            """;
    private static final String CODES = """
            ## Exit codes

            | code | means |
            |---|---|
            | 0 | done |
            | 1 | a defect of the ferry itself |
            | 2 | the command line was not understood |
            | 3 | a setting or a model name is wrong |
            | 4 | a stage failed; the sentence says which, and how to go on |
            | 5 | some of several models failed |
            | 6 | a model is unhealthy, or its evaluation did not pass the gate |
            | 7 | a model is degraded: it answers, but something is below its limit |
            | 130 | interrupted by Ctrl-C, or cancelled; the same command goes on from there |
            """;

    private CommandsPage() { }

    /** Writes the page anew. */
    public static void main(String[] arguments) throws IOException {
        Files.writeString(PAGE, text());
    }

    /** The page as it must be. */
    static String text() {
        CommandLine ferry = Ferry.commandLine();
        Map<String, CommandLine> commands = ferry.getSubcommands();
        StringBuilder page = new StringBuilder(HEAD);
        page.append("| you want to | commands |\n|---|---|\n");
        Map<String, List<String>> groups = CommandMap.groups(commands.keySet());
        groups.forEach((title, names) -> page.append("| ").append(title).append(" | ").append(names.stream().map(name -> "[" + name + "](#ferry-" + name + ")").collect(Collectors.joining(", ")))
                .append(" |\n"));
        page.append("\nEvery command that reads the settings understands:\n\n");
        table(page, commands.get("status").getCommandSpec().options().stream().filter(CommandsPage::isCommon).toList(), List.of());
        page.append('\n').append(CODES);
        groups.values().forEach(names -> names.forEach(name -> command(page, commands.get(name).getCommandSpec())));
        return page.toString();
    }

    private static boolean isCommon(OptionSpec option) {
        return option.userObject() instanceof java.lang.reflect.Field field && field.getDeclaringClass() == CommonOptions.class;
    }

    private static void command(StringBuilder page, CommandSpec command) {
        page.append("\n## ferry ").append(command.name()).append("\n\n").append(String.join(" ", command.usageMessage().description()).formatted()).append('\n');
        List<OptionSpec> options = command.options().stream().filter(option -> !isCommon(option) && !option.usageHelp() && !option.versionHelp() && !option.hidden()).toList();
        if (!options.isEmpty() || !command.positionalParameters().isEmpty()) {
            page.append('\n');
            table(page, options, command.positionalParameters());
        }
        List<String> footer = new ArrayList<>(List.of(command.usageMessage().footer()));
        footer.removeIf(String::isBlank);
        if (!footer.isEmpty()) {
            page.append("\n```\n").append(String.join("\n", footer).formatted()).append("\n```\n");
        }
        command.subcommands().values().forEach(inner -> command(page, inner.getCommandSpec()));
    }

    private static void table(StringBuilder page, List<OptionSpec> options, List<PositionalParamSpec> parameters) {
        page.append("| option | meaning |\n|---|---|\n");
        parameters.stream().filter(parameter -> !parameter.hidden()).forEach(parameter -> row(page, "`" + parameter.paramLabel() + "`", parameter));
        options.forEach(option -> row(page, "`" + String.join("`, `", option.names()) + "`" + (option.arity().max() == 0 ? "" : " `" + option.paramLabel() + "`"), option));
    }

    private static void row(StringBuilder page, String name, ArgSpec argument) {
        String candidates = argument.completionCandidates() == null ? "" : StreamSupport.stream(argument.completionCandidates().spliterator(), false).collect(Collectors.joining(", "));
        String meaning = String.join(" ", argument.description()).replace("${DEFAULT-VALUE}", String.valueOf(argument.defaultValue())).replace("${COMPLETION-CANDIDATES}", candidates);
        page.append("| ").append(name.replace("|", "\\|")).append(" | ").append(meaning.replace("%%", "%").replace("%n", " ").replace("|", "\\|")).append(" |\n");
    }
}
