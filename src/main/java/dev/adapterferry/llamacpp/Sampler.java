package dev.adapterferry.llamacpp;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ThreadLocalRandom;

/** llama.cpp's own chain of samplers, in the order in which its server applies them. */
final class Sampler implements AutoCloseable {
    private static final int PENALTY_WINDOW = 64;
    private static final long KEEP_AT_LEAST = 1;

    private MemorySegment chain;

    Sampler(Sampling how) {
        try (Arena arena = Arena.ofConfined()) {
            chain = NativeCalls.CHAIN_NEW.callAddress(arena.allocate(NativeCalls.CHAIN_PARAMS));
        }
        if (how.repeatPenalty() != 1 || how.frequencyPenalty() != 0 || how.presencePenalty() != 0) {
            add(NativeCalls.PENALTIES.callAddress(PENALTY_WINDOW, (float) how.repeatPenalty(), (float) how.frequencyPenalty(), (float) how.presencePenalty()));
        }
        if (how.temperature() <= 0) {
            add(NativeCalls.GREEDY.callAddress());
            return;
        }
        if (how.topK() > 0) {
            add(NativeCalls.TOP_K.callAddress(how.topK()));
        }
        if (how.topP() < 1) {
            add(NativeCalls.TOP_P.callAddress((float) how.topP(), KEEP_AT_LEAST));
        }
        if (how.minP() > 0) {
            add(NativeCalls.MIN_P.callAddress((float) how.minP(), KEEP_AT_LEAST));
        }
        add(NativeCalls.TEMPERATURE.callAddress((float) how.temperature()));
        add(NativeCalls.BY_CHANCE.callAddress(how.seed().orElseGet(() -> ThreadLocalRandom.current().nextInt())));
    }

    /** The token after the last one decoded; remembers it for the penalties. */
    int next(LlamaContext context) {
        return NativeCalls.SAMPLE.callInt(chain, context.open(), -1);
    }

    private void add(MemorySegment sampler) {
        NativeCalls.CHAIN_ADD.call(chain, sampler);
    }

    /** Frees the chain and every sampler in it. */
    @Override
    public void close() {
        NativeCalls.SAMPLER_FREE.call(chain);
        chain = MemorySegment.NULL;
    }
}
