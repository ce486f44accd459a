package dev.adapterferry.convert;

import java.util.function.BiConsumer;

/** What llama.cpp's loaders ask of T5 ({@code src/models/t5.cpp}, {@code t5encoder.cpp}, 2026), for {@link LoaderDemandsTest}: two layers of each stack. */
final class T5Demands {
    /** Keys that both loaders want beside the usual ones. */
    static final String KEYS = "attention.key_length attention.value_length attention.relative_buckets_count attention.layer_norm_rms_epsilon";

    private T5Demands() { }

    /** Tells a case's name and its tensors, with dimensions in ggml's order. */
    static void each(BiConsumer<String, String> demand) {
        demand.accept("t5", "token_embd 64 384; dec.output_norm 64" + encoder(64, false, false) + decoder(64, false, false));
        demand.accept("t5-1.1", "token_embd 64 384; output 64 384; dec.output_norm 64" + encoder(128, true, false) + decoder(128, true, false));
        demand.accept("mt5", "token_embd 64 384; output 64 384; dec.output_norm 64" + encoder(128, true, false) + decoder(128, true, false));
        demand.accept("umt5", "token_embd 64 384; output 64 384; dec.output_norm 64" + encoder(128, true, true) + decoder(128, true, true));
        demand.accept("t5encoder", "token_embd 64 384" + encoder(64, false, false));
        demand.accept("umt5encoder", "token_embd 64 384" + encoder(128, true, true));
    }

    private static String encoder(int heads, boolean gated, boolean biases) {
        StringBuilder all = new StringBuilder("; enc.output_norm 64");
        for (int i = 0; i < 2; i++) {
            all.append(attention("; enc.blk." + i + ".attn_", heads)).append(i == 0 || biases ? "; enc.blk." + i + ".attn_rel_b 4 32" : "").append(feedForward("; enc.blk." + i + ".ffn_", gated));
        }
        return all.toString();
    }

    private static String decoder(int heads, boolean gated, boolean biases) {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < 2; i++) {
            all.append(attention("; dec.blk." + i + ".attn_", heads)).append(i == 0 || biases ? "; dec.blk." + i + ".attn_rel_b 4 32" : "").append(attention("; dec.blk." + i + ".cross_attn_", heads))
                    .append(feedForward("; dec.blk." + i + ".ffn_", gated));
        }
        return all.toString();
    }

    private static String attention(String prefix, int heads) {
        return prefix + "norm 64" + prefix + "q 64 " + heads + prefix + "k 64 " + heads + prefix + "v 64 " + heads + prefix + "o " + heads + " 64";
    }

    private static String feedForward(String prefix, boolean gated) {
        return prefix + "norm 64" + (gated ? prefix + "gate 64 96" : "") + prefix + "up 64 96" + prefix + "down 96 64";
    }
}
