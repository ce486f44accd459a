package dev.adapterferry.serve;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Why a process died, from its exit code and its last words. */
final class Obituary {
    // What the JVM prints when native code crashes:
    //   #  SIGSEGV (0xb) at pc=0x00007f12, pid=12, tid=13
    //   # C  [libjllama.so+0x1b2c3d]  llama_decode+0x10
    private static final Pattern FATAL = Pattern.compile("#\\s+(SIG[A-Z]+|EXCEPTION_[A-Z_]+|Internal Error|Out of Memory Error|There is insufficient memory)\\b.*");
    private static final Pattern FRAME = Pattern.compile("#\\s*[CVvJj]\\s+\\[([^+\\]]+)[^\\]]*]\\s*(\\S*)");
    private static final Pattern REPORT = Pattern.compile("#\\s+(/\\S+\\.log|[A-Z]:\\\\\\S+\\.log)");
    private static final Pattern ASSERTION = Pattern.compile(".*(GGML_ASSERT|GGML_ABORT|terminate called|what\\(\\):).*");
    private static final int SIGNAL_BASE = 128;

    private Obituary() { }

    /**
     * The cause of a death, without a subject: {@code died of SIGSEGV in libjllama.so (llama_decode+0x10)}.
     *
     * @param exit  exit code; 128 + n for signal n, as shells have it
     * @param words last lines of standard error, oldest first
     */
    static String cause(int exit, List<String> words) {
        StringBuilder text = new StringBuilder("died");
        Optional<String> fatal = first(words, FATAL, 1);
        if (fatal.isPresent()) {
            text.append(" of ").append(fatal.get());
            Optional<String> frame = words.stream().map(FRAME::matcher).filter(Matcher::find).map(m -> m.group(1) + (m.group(2).isEmpty() ? "" : " (" + m.group(2) + ")")).findFirst();
            frame.ifPresent(where -> text.append(" in ").append(where));
        } else if (exit > SIGNAL_BASE && exit < SIGNAL_BASE + 65) {
            text.append(" of ").append(signal(exit - SIGNAL_BASE));
        } else {
            text.append(" with exit code ").append(exit);
        }
        first(words, ASSERTION, 0).ifPresent(said -> text.append(", saying '").append(clip(said.strip())).append('\''));
        if (fatal.isEmpty() && exit <= SIGNAL_BASE && !words.isEmpty()) {
            text.append(", saying '").append(clip(words.getLast().strip())).append('\'');
        }
        if (exit == SIGNAL_BASE + 9 && fatal.isEmpty()) {
            text.append(" (somebody killed it; the system itself does so when memory runs out)");
        }
        first(words, REPORT, 1).ifPresent(file -> text.append("; the crash report is ").append(file));
        return text.toString();
    }

    private static Optional<String> first(List<String> words, Pattern pattern, int group) {
        return words.stream().map(pattern::matcher).filter(Matcher::matches).map(m -> m.group(group)).findFirst();
    }

    private static String signal(int number) {
        return switch (number) {
            case 1 -> "SIGHUP";
            case 2 -> "SIGINT";
            case 4 -> "SIGILL (an instruction that this processor does not have)";
            case 6 -> "SIGABRT";
            case 7 -> "SIGBUS";
            case 8 -> "SIGFPE";
            case 9 -> "SIGKILL";
            case 11 -> "SIGSEGV";
            case 15 -> "SIGTERM";
            default -> "signal " + number;
        };
    }

    private static String clip(String text) {
        return text.length() > 200 ? text.substring(0, 200) + "..." : text;
    }
}
