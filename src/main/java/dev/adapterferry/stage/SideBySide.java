package dev.adapterferry.stage;

import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.List;

/** Asks the base and the merged model the same, so that one can see what the adapter changed. */
public final class SideBySide {
    private final Settings settings;
    private final HttpCaller caller = new JdkHttpCaller();

    /**
     * What both answered.
     *
     * @param base   the base's answer
     * @param merged the merged model's answer
     */
    public record Answers(String base, String merged) { }

    /** @param settings how models are served */
    public SideBySide(Settings settings) {
        this.settings = settings;
    }

    /**
     * Asks both, greedily.
     *
     * @param base         the base checkpoint; converted once to a file beside the working directory's other files
     * @param merged       the merged model's GGUF file
     * @param question     what to ask
     * @param progress     hears of the conversion
     * @param cancellation stops it
     */
    public Answers ask(Path base, Path merged, String question, Progress progress, Cancellation cancellation) {
        Path file = ConvertedBase.file(settings, base, "Q8_0", progress, cancellation);
        List<String> answers = EmbeddedServers.answers(settings, caller, List.of(file, merged), question);
        return new Answers(answers.getFirst(), answers.getLast());
    }
}
