package dev.adapterferry.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.IHelpSectionRenderer;

/** The list of commands in {@code ferry --help}, ordered by what one wants to do. */
final class CommandMap implements IHelpSectionRenderer {
    private static final Map<String, List<String>> GROUPS = new LinkedHashMap<>();

    static {
        GROUPS.put("Carry models", List.of("deploy", "run"));
        GROUPS.put("See what happened", List.of("status", "runs", "logs", "models", "releases"));
        GROUPS.put("When something went wrong", List.of("retry", "cancel", "rollback", "doctor"));
        GROUPS.put("Is it any good?", List.of("health", "evaluate", "compare"));
        GROUPS.put("One step by itself", List.of("pull", "merge", "quantize", "serve"));
        GROUPS.put("Set it up", List.of("validate", "routes", "completion"));
        GROUPS.put("Try it out", List.of("demo", "bench"));
    }

    /** The groups with the commands that there are; what belongs to none comes last. */
    static Map<String, List<String>> groups(Set<String> commands) {
        Map<String, List<String>> groups = new LinkedHashMap<>();
        Set<String> left = new LinkedHashSet<>(commands);
        GROUPS.forEach((title, names) -> {
            List<String> there = names.stream().filter(left::remove).toList();
            if (!there.isEmpty()) {
                groups.put(title, there);
            }
        });
        if (!left.isEmpty()) {
            groups.put("More", new ArrayList<>(left));
        }
        return groups;
    }

    @Override
    public String render(Help help) {
        Map<String, Help> commands = new LinkedHashMap<>(help.subcommands());
        int width = commands.keySet().stream().mapToInt(String::length).max().orElse(0) + 2;
        StringBuilder text = new StringBuilder();
        groups(commands.keySet()).forEach((title, names) -> {
            text.append('\n').append(help.colorScheme().text("@|bold " + title + "|@")).append('\n');
            CommandLine.Help.TextTable table = CommandLine.Help.TextTable.forColumns(help.colorScheme(), new CommandLine.Help.Column(width + 2, 2, CommandLine.Help.Column.Overflow.SPAN),
                    new CommandLine.Help.Column(Math.max(20, help.commandSpec().usageMessage().width() - width - 2), 2, CommandLine.Help.Column.Overflow.WRAP));
            names.forEach(name -> table.addRowValues(help.colorScheme().commandText(name), help.colorScheme().text(summary(commands.get(name)))));
            text.append(table);
        });
        return text.toString();
    }

    /** The first sentence of a command's description. */
    static String summary(Help command) {
        String[] description = command.commandSpec().usageMessage().description();
        String all = description.length == 0 ? "" : description[0];
        int end = all.indexOf(". ");
        return (end < 0 ? all : all.substring(0, end + 1)).formatted();
    }
}
