package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.progress.Progress.Step;
import dev.adapterferry.progress.Progress.Unit;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ConsoleTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private Console console(boolean quiet, boolean terminal) {
        return new Console(new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8), quiet, terminal);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void redrawsOneLineOnATerminalAndClearsItBeforeOthers() {
        Console console = console(false, true);
        console.report(new Step("pulling adapter_model.safetensors", 250_000_000, 1_000_000_000, Unit.BYTES));
        console.note("something else");
        assertThat(err()).startsWith("\r\u001b[K[######..................]  25% pulling adapter_model.safetensors  250.0 MB of 1.00 GB").endsWith("\r\u001b[Ksomething else\n");
        console.report(new Step("pulling adapter_model.safetensors", 1_000_000_000, 1_000_000_000, Unit.BYTES));
        assertThat(err()).contains("100% pulling").endsWith("\n");
        assertThat(out.size()).as("progress is no result").isZero();
    }

    @Test
    void writesNoControlCharacterWhereThereIsNoTerminal() {
        Console console = console(false, false);
        for (int tensor = 0; tensor <= 100; tensor++) {
            console.report(new Step("quantize majora", tensor, 100, Unit.TENSORS));
        }
        console.println("done");
        assertThat(err()).doesNotContain("\u001b").doesNotContain("\r");
        assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("done\n");
    }

    @Test
    void saysOnlyResultsAndErrorsWhenQuiet() {
        Console console = console(true, true);
        console.report(new Step("quantize majora", 1, 2, Unit.TENSORS));
        console.note("ferry: stopping");
        console.error("ferry: it failed");
        console.println("result");
        assertThat(err()).isEqualTo("ferry: it failed\n");
        assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("result\n");
    }
}
