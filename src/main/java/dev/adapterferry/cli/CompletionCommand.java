package dev.adapterferry.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints a completion script. */
@Command(name = "completion", mixinStandardHelpOptions = true, sortOptions = false, description = "Prints a script that lets the shell complete commands and options.",
        footer = {"", "bash: ferry completion bash > ~/.local/share/bash-completion/completions/ferry", "zsh:  add to ~/.zshrc: eval \"$(ferry completion zsh)\""})
final class CompletionCommand implements Callable<Integer> {
    /** Shells that are served. */
    enum Shell { BASH, ZSH }

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHELL", arity = "1", description = "bash or zsh.")
    private Shell shell;

    @Override
    public Integer call() {
        String script = AutoComplete.bash("ferry", spec.root().commandLine());
        if (shell == Shell.ZSH) {
            // Bash's completion functions are loaded where the user has not done it; compinit has to come first.
            script = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n" + script;
        }
        spec.commandLine().getOut().print(script);
        spec.commandLine().getOut().flush();
        return ExitCode.DONE;
    }
}
