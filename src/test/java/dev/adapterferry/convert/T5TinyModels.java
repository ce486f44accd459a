package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

/** The cases of {@link TinyModels} that have an encoder and a decoder, and their encoders alone; names and shapes as transformers' classes have them. */
final class T5TinyModels {
    private static final String SIZES = ",\"d_model\":64,\"d_ff\":96,\"num_layers\":2,\"num_heads\":4,\"relative_attention_num_buckets\":32,\"layer_norm_epsilon\":1e-6,\"pad_token_id\":0,\"eos_token_id\":1";
    private static final String PLAIN = SIZES + ",\"d_kv\":16,\"feed_forward_proj\":\"relu\",\"n_positions\":512,\"decoder_start_token_id\":0";
    /** Heads together are wider than the model here. */
    private static final String GATED = SIZES + ",\"d_kv\":32,\"feed_forward_proj\":\"gated-gelu\",\"dense_act_fn\":\"gelu_new\",\"is_gated_act\":true,\"tie_word_embeddings\":false,\"decoder_start_token_id\":3";

    private T5TinyModels() { }

    static void add() {
        put("t5", "T5ForConditionalGeneration", "unigram", PLAIN, c -> {
            c.add("shared.weight", 0, ROWS, WIDTH);
            stack(c, "encoder", 2, 16, false, false);
            stack(c, "decoder", 2, 16, false, false);
            c.add("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", 0, 32, 4);
        });
        // As MADLAD-400 was saved: one embedding, under the decoder's name.
        put("t5-1.1", "T5ForConditionalGeneration", "unigram", GATED, c -> {
            c.add("decoder.embed_tokens.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            stack(c, "encoder", 2, 32, true, false);
            stack(c, "decoder", 2, 32, true, false);
        });
        put("mt5", "MT5ForConditionalGeneration", "unigram", GATED, c -> {
            c.add("shared.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            for (String copy : new String[] {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}) {
                c.add(copy, 0, ROWS, WIDTH);
                System.arraycopy(c.values("shared.weight"), 0, c.values(copy), 0, ROWS * WIDTH);
            }
            stack(c, "encoder", 2, 32, true, false);
            stack(c, "decoder", 2, 32, true, false);
        });
        put("umt5", "UMT5ForConditionalGeneration", "unigram", GATED, c -> {
            c.add("shared.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            stack(c, "encoder", 2, 32, true, true);
            stack(c, "decoder", 2, 32, true, true);
        });
        put("t5encoder", "T5EncoderModel", "unigram", PLAIN, c -> {
            c.add("shared.weight", 0, ROWS, WIDTH);
            stack(c, "encoder", 2, 16, false, false);
        });
        put("umt5encoder", "UMT5EncoderModel", "unigram", GATED, c -> {
            c.add("shared.weight", 0, ROWS, WIDTH).add("encoder.embed_tokens.weight", 0, ROWS, WIDTH);
            System.arraycopy(c.values("shared.weight"), 0, c.values("encoder.embed_tokens.weight"), 0, ROWS * WIDTH);
            stack(c, "encoder", 2, 32, true, true);
        });
    }

    /**
     * One of the two stacks.
     *
     * @param head   size of a head
     * @param gated  feed-forwards with a gate
     * @param biases numbers for distances in every layer, not in the first alone
     */
    static void stack(MemoryCheckpoint c, String name, int layers, int head, boolean gated, boolean biases) {
        for (int i = 0; i < layers; i++) {
            int part = 0;
            attention(c, name + ".block." + i + ".layer." + part++, ".SelfAttention", head);
            if (i == 0 || biases) {
                c.add(name + ".block." + i + ".layer.0.SelfAttention.relative_attention_bias.weight", 0, 32, 4).multiply(name + ".block." + i + ".layer.0.SelfAttention.relative_attention_bias.weight", 2);
            }
            if (name.equals("decoder")) {
                attention(c, name + ".block." + i + ".layer." + part++, ".EncDecAttention", head);
            }
            String l = name + ".block." + i + ".layer." + part;
            c.add(l + ".layer_norm.weight", 1, WIDTH);
            for (String input : gated ? new String[] {"wi_0", "wi_1"} : new String[] {"wi"}) {
                c.add(l + ".DenseReluDense." + input + ".weight", 0, 96, WIDTH);
            }
            c.add(l + ".DenseReluDense.wo.weight", 0, WIDTH, 96);
        }
        c.add(name + ".final_layer_norm.weight", 1, WIDTH);
    }

    private static void attention(MemoryCheckpoint c, String l, String kind, int head) {
        c.add(l + ".layer_norm.weight", 1, WIDTH);
        for (String one : new String[] {"q", "k", "v"}) {
            c.add(l + kind + "." + one + ".weight", 0, 4 * head, WIDTH);
        }
        c.add(l + kind + ".o.weight", 0, WIDTH, 4 * head);
    }
}
