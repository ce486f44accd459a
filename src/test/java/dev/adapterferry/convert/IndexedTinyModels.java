package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

import java.util.Set;

/** The cases of {@link TinyModels} that look at a few tokens only, which an indexer chooses. */
final class IndexedTinyModels {
    private static final int SIZE = 64;
    /** So many that hardly a token is passed over by all: of tokens with the score 0 any may be chosen. */
    private static final int HEADS = 8;
    private static final String INDEX = ",\"index_n_heads\":8,\"index_head_dim\":64,\"index_topk\":4,\"num_nextn_predict_layers\":1";

    private IndexedTinyModels() { }

    static void add() {
        put("deepseek32", "DeepseekV32ForCausalLM", "bpe", NewerTinyModels.LATENT.replace("0.707", "1.0") + UNTIED + INDEX
                + ",\"q_lora_rank\":24,\"n_routed_experts\":8,\"num_experts_per_tok\":2,\"n_group\":4,\"topk_group\":2,\"routed_scaling_factor\":2.5,\"scoring_func\":\"sigmoid\",\"norm_topk_prob\":true",
                c -> fill(c, 8, Set.of(0, 1, 2, 3)));
        String plain = NewerTinyModels.LATENT.substring(0, NewerTinyModels.LATENT.indexOf(",\"rope_scaling\"")).replace(",\"rope_theta\":10000.0", "").replace("\"num_hidden_layers\":3", "\"num_hidden_layers\":4");
        String glm = plain + UNTIED + INDEX + ",\"rope_parameters\":{\"rope_theta\":10000.0,\"rope_type\":\"default\"},\"q_lora_rank\":24,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,"
                + "\"routed_scaling_factor\":2.5,\"scoring_func\":\"sigmoid\",\"norm_topk_prob\":true,\"indexer_rope_interleave\":true";
        // As GLM-5.2, whose checkpoint has indexers where they are used; and as GLM-5, all of whose layers use theirs.
        put("glm-dsa", "GlmMoeDsaForCausalLM", "bpe", glm + ",\"indexer_types\":[\"full\",\"full\",\"shared\",\"shared\"]", c -> fill(c, 4, Set.of(0, 1)));
        put("glm-dsa-full", "GlmMoeDsaForCausalLM", "bpe", glm, c -> fill(c, 4, Set.of(0, 1, 2, 3)));
    }

    private static void fill(MemoryCheckpoint c, int experts, Set<Integer> indexed) {
        NewerTinyModels.latent(c, experts, 24, true);
        TinyModels.layers(c, l -> {
            if (indexed.contains(Integer.parseInt(l.replaceAll("\\D", "")))) {
                String i = l + "self_attn.indexer.";
                c.add(i + "k_norm.weight", 1, SIZE).add(i + "k_norm.bias", 0, SIZE).add(i + "wk.weight", 0, SIZE, WIDTH).add(i + "weights_proj.weight", 0, HEADS, WIDTH).add(i + "wq_b.weight", 0, HEADS * SIZE, 24);
            }
        });
        String next = "model.layers." + c.rawConfig().get("num_hidden_layers").asInt() + ".";
        c.add(next + "eh_proj.weight", 0, WIDTH, 2 * WIDTH).add(next + "enorm.weight", 1, WIDTH);
    }
}
