package dev.adapterferry.cli;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints a completion script. */
@Command(name = "completion", mixinStandardHelpOptions = true, sortOptions = false, description = "Prints a script that lets the shell complete commands and options.",
        footer = {"", "bash: ferry completion bash > ~/.local/share/bash-completion/completions/ferry", "zsh:  add to ~/.zshrc: eval \"$(ferry completion zsh)\"", "fish: ferry completion fish > ~/.config/fish/completions/ferry.fish"})
final class CompletionCommand implements Callable<Integer> {
    /** Shells that are served. */
    enum Shell { BASH, ZSH, FISH }

    /** Their names as they are typed. */
    static final class Shells implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(Shell.values()).map(each -> each.name().toLowerCase(Locale.ROOT)).iterator();
        }
    }

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHELL", arity = "1", description = "bash, zsh or fish.", completionCandidates = Shells.class)
    private Shell shell;

    @Override
    public Integer call() {
        CommandLine root = spec.root().commandLine();
        spec.commandLine().getOut().print(switch (shell) {
            case BASH -> AutoComplete.bash("ferry", root);
            // Bash's completion functions are loaded where the user has not done it; compinit has to come first.
            case ZSH -> "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n" + AutoComplete.bash("ferry", root);
            case FISH -> FishCompletion.script(root);
        });
        spec.commandLine().getOut().flush();
        return ExitCode.DONE;
    }
}
