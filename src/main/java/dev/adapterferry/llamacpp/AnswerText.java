package dev.adapterferry.llamacpp;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;

/**
 * Turns the bytes of tokens into text as they come: half characters wait for their other half, and what may be the
 * beginning of a stop text waits until it is known not to be one.
 */
final class AnswerText {
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE).onUnmappableCharacter(CodingErrorAction.REPLACE);
    private final StringBuilder text = new StringBuilder();
    private final List<String> stops;
    private final Consumer<String> listener;
    private ByteBuffer waiting = ByteBuffer.allocate(0);
    private int told;
    private boolean stopped;

    AnswerText(List<String> stops, Consumer<String> listener) {
        this.stops = stops;
        this.listener = listener;
    }

    /**
     * Takes the bytes of one token.
     *
     * @return false once a stop text has appeared
     */
    boolean add(byte[] bytes) {
        ByteBuffer in = ByteBuffer.allocate(waiting.remaining() + bytes.length).put(waiting).put(bytes).flip();
        CharBuffer out = CharBuffer.allocate(in.remaining() + 1);
        decoder.reset().decode(in, out, false);
        waiting = in;
        int searchFrom = told;
        text.append(out.flip());
        int end = earliestStop(searchFrom);
        if (end >= 0) {
            text.setLength(end);
            stopped = true;
        }
        tell(stopped ? text.length() : text.length() - heldBack());
        return !stopped;
    }

    /** Ends the text: what waited is told. */
    String finish() {
        if (!stopped && waiting.hasRemaining()) {
            text.append('\uFFFD');
        }
        waiting = ByteBuffer.allocate(0);
        tell(text.length());
        return text.toString();
    }

    private void tell(int upTo) {
        if (upTo > told) {
            listener.accept(text.substring(told, upTo));
            told = upTo;
        }
    }

    private int earliestStop(int from) {
        int earliest = -1;
        for (String stop : stops) {
            int at = text.indexOf(stop, from);
            if (at >= 0 && (earliest < 0 || at < earliest)) {
                earliest = at;
            }
        }
        return earliest;
    }

    /** Length of the longest end of the text that begins a stop text. */
    private int heldBack() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, text.length() - told); length > longest; length--) {
                if (stop.startsWith(text.substring(text.length() - length))) {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
