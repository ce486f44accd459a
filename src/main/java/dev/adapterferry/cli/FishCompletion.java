package dev.adapterferry.cli;

import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.stream.StreamSupport;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What fish completes: commands with what they do, their options with what they mean, and values where there are few. picocli itself
 * writes such a script for bash only. See <a href="https://fishshell.com/docs/current/cmds/complete.html">fish's {@code complete}</a>.
 */
final class FishCompletion {
    private static final int LONGEST = 90;

    private FishCompletion() { }

    /** The script for a command and its sub-commands. */
    static String script(CommandLine root) {
        String name = root.getCommandName();
        StringBuilder script = new StringBuilder("# Completion of " + name + " for fish.\ncomplete -c " + name + " -f\n");
        options(script, name, "__fish_use_subcommand", root.getCommandSpec());
        root.getSubcommands().forEach((command, line) -> {
            CommandSpec spec = line.getCommandSpec();
            String here = "__fish_seen_subcommand_from " + command;
            line(script, name, "__fish_use_subcommand", "-a " + command, spec.usageMessage().description());
            options(script, name, here, spec);
            spec.positionalParameters().forEach(parameter -> {
                if (parameter.completionCandidates() != null) {
                    line(script, name, here, "-a " + quoted(candidates(parameter)), parameter.description());
                } else if (isPath(parameter)) {
                    line(script, name, here, "-F");
                }
            });
        });
        return script.toString();
    }

    private static void options(StringBuilder script, String name, String condition, CommandSpec spec) {
        for (OptionSpec option : spec.options()) {
            if (option.hidden()) {
                continue;
            }
            StringJoiner names = new StringJoiner(" ");
            for (String each : option.names()) {
                names.add(each.startsWith("--") ? "-l " + each.substring(2) : "-s " + each.substring(1));
            }
            String value = option.arity().max() == 0 ? "" : option.completionCandidates() != null ? " -x -a " + quoted(candidates(option)) : isPath(option) ? " -r -F" : " -x";
            line(script, name, condition, names + value, option.description());
        }
    }

    private static void line(StringBuilder script, String name, String condition, String what, String... description) {
        script.append("complete -c ").append(name).append(" -n ").append(quoted(condition)).append(' ').append(what);
        if (description.length > 0) {
            script.append(" -d ").append(quoted(summary(String.join(" ", description))));
        }
        script.append('\n');
    }

    /** The first sentence, or as much of it as has its place beside a candidate. */
    private static String summary(String description) {
        String plain = description.replace("%n", " ").replace("%%", "%");
        int end = plain.indexOf(". ");
        String first = (end < 0 ? plain : plain.substring(0, end)).replaceFirst("[.:]? *(\\$\\{[^}]*})?\\.?$", "");
        return first.length() <= LONGEST ? first : first.substring(0, first.lastIndexOf(' ', LONGEST)) + " …";
    }

    private static String candidates(ArgSpec argument) {
        List<String> all = StreamSupport.stream(argument.completionCandidates().spliterator(), false).toList();
        return String.join(" ", all);
    }

    private static boolean isPath(ArgSpec argument) {
        String label = argument.paramLabel().toUpperCase(Locale.ROOT);
        return label.contains("DIR") || label.contains("FILE") || label.contains("SOURCE");
    }

    /** In single quotes fish knows only these two escapes. */
    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
