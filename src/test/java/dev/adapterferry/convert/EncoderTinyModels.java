package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

import dev.adapterferry.tensor.TensorInfo;
import java.util.List;

/** The cases of {@link TinyModels} that make vectors of texts instead of going on with them. */
final class EncoderTinyModels {
    private static final String GEMMA = ",\"num_hidden_layers\":7,\"rms_norm_eps\":1e-6,\"head_dim\":16,\"query_pre_attn_scalar\":16,\"sliding_window\":8,\"rope_theta\":1000000.0,\"rope_local_base_freq\":10000.0,"
            + "\"use_bidirectional_attention\":true";

    /** Names of the cases. */
    static final List<String> NAMES = List.of("qwen2-embedding", "qwen2-embedding-ahead", "qwen3-embedding", "gemma-embedding", "bert", "bert-masked", "roberta", "xlm-roberta", "camembert", "nomic-bert",
            "nomic-bert-moe", "distilbert", "jina-bert-v2", "jina-bert-v2-code", "modern-bert", "modern-bert-masked", "eurobert", "neo-bert", "bert-classifier", "roberta-classifier", "xlm-roberta-reranker",
            "modern-bert-reranker", "qwen3-classifier", "qwen3-reranker-head", "neo-bert-classifier", "t5encoder", "umt5encoder", "xlm-roberta-flash", "jina-reranker-v2", "jina-bert-v3");

    private static final String BERT = ",\"layer_norm_eps\":1e-12,\"type_vocab_size\":2,\"hidden_act\":\"gelu\"";
    private static final String ROBERTA = ",\"layer_norm_eps\":1e-5,\"max_position_embeddings\":514,\"pad_token_id\":1,\"type_vocab_size\":1";

    private EncoderTinyModels() { }

    static void add() {
        put("qwen2-embedding", "Qwen2Model", "bpe", RMS + UNTIED, c -> qwen(c, true));
        put("qwen2-embedding-ahead", "Qwen2ForCausalLM", "bpe", RMS + UNTIED + ",\"is_causal\":false", c -> qwen(c, true));
        put("qwen3-embedding", "Qwen3Model", "bpe", RMS + UNTIED + ",\"head_dim\":16", c -> qwen(c, false));
        put("gemma-embedding", "Gemma3TextModel", "spm", GEMMA, EncoderTinyModels::gemma);
        put("bert", "BertModel", "wordpiece", BERT, c -> bert(c, "", 512, 2));
        put("bert-masked", "BertForMaskedLM", "wordpiece", BERT, EncoderTinyModels::masked);
        put("roberta", "RobertaModel", "bpe", ROBERTA, c -> bert(c, "", 514, 1));
        put("xlm-roberta", "XLMRobertaForMaskedLM", "unigram", ROBERTA, c -> {
            bert(c, "roberta.", 514, 1);
            c.add("lm_head.bias", 0, ROWS).add("lm_head.dense.weight", 0, WIDTH, WIDTH).add("lm_head.layer_norm.weight", 1, WIDTH);
        });
        put("camembert", "CamembertModel", "unigram", ROBERTA, c -> bert(c, "roberta.", 514, 1));
        put("nomic-bert", "NomicBertModel", "wordpiece", ",\"n_embd\":64,\"n_inner\":96,\"n_layer\":2,\"n_head\":4,\"n_positions\":512,\"max_trained_positions\":512,\"rotary_emb_base\":1000,"
                + "\"layer_norm_epsilon\":1e-12,\"type_vocab_size\":2", EncoderTinyModels::nomic);
        put("nomic-bert-moe", "NomicBertModel", "unigram", ",\"n_embd\":64,\"n_inner\":96,\"n_layer\":2,\"n_head\":4,\"n_positions\":2048,\"max_trained_positions\":2048,\"rotary_emb_base\":10000,"
                + "\"layer_norm_epsilon\":1e-5,\"type_vocab_size\":1,\"moe_every_n_layers\":2,\"num_experts\":4,\"moe_top_k\":2,\"activation_function\":\"gelu\",\"moe_normalize_expert_weights\":false", EncoderTinyModels::mixture);
        put("distilbert", "DistilBertForMaskedLM", "wordpiece", ",\"dim\":64,\"hidden_dim\":96,\"n_layers\":2,\"n_heads\":4,\"activation\":\"gelu\"", EncoderTinyModels::distil);
        String jina = ",\"layer_norm_eps\":1e-12,\"type_vocab_size\":2,\"feed_forward_type\":\"geglu\",\"position_embedding_type\":\"alibi\",\"hidden_act\":\"gelu\"";
        put("jina-bert-v2", "JinaBertModel", "wordpiece", jina, c -> jina(c, false));
        put("jina-bert-v2-code", "JinaBertForMaskedLM", "bpe", jina, c -> jina(c, true));
        String modern = ",\"num_hidden_layers\":5,\"norm_eps\":1e-5,\"local_attention\":8,\"global_attn_every_n_layers\":3,\"global_rope_theta\":160000.0,\"local_rope_theta\":10000.0,\"hidden_activation\":\"%s\"";
        put("modern-bert", "ModernBertModel", "bpe", modern.formatted("gelu"), c -> modern(c, ""));
        put("modern-bert-masked", "ModernBertForMaskedLM", "bpe", modern.formatted("silu"), c -> {
            modern(c, "model.");
            c.add("head.dense.weight", 0, WIDTH, WIDTH).add("head.norm.weight", 1, WIDTH).add("decoder.weight", 0, ROWS, WIDTH).add("decoder.bias", 0, ROWS);
        });
        put("eurobert", "EuroBertModel", "bpe", ",\"rms_norm_eps\":1e-5,\"rope_theta\":250000.0,\"hidden_act\":\"silu\"", c -> qwen(c, null));
        String three = ",\"id2label\":{\"0\":\"calm\",\"1\":\"swell\",\"2\":\"storm\"}";
        put("bert-classifier", "BertForSequenceClassification", "wordpiece", BERT + three, c -> {
            bert(c, "bert.", 512, 2);
            linear(c, "classifier", 3, WIDTH);
        });
        put("roberta-classifier", "RobertaForSequenceClassification", "bpe", ROBERTA + three, c -> {
            bert(c, "roberta.", 514, 1);
            c.remove("roberta.pooler.dense.weight").remove("roberta.pooler.dense.bias");
            linear(c, "classifier.dense", WIDTH, WIDTH);
            linear(c, "classifier.out_proj", 3, WIDTH);
        });
        put("xlm-roberta-reranker", "XLMRobertaForSequenceClassification", "unigram", ROBERTA + ",\"id2label\":{\"0\":\"LABEL_0\"}", c -> {
            bert(c, "roberta.", 514, 1);
            c.remove("roberta.pooler.dense.weight").remove("roberta.pooler.dense.bias");
            linear(c, "classifier.dense", WIDTH, WIDTH);
            linear(c, "classifier.out_proj", 1, WIDTH);
        });
        put("xlm-roberta-flash", "XLMRobertaModel", "unigram", ROBERTA + ",\"use_flash_attn\":true,\"position_embedding_type\":\"absolute\"", c -> flash(c, "", false));
        put("jina-reranker-v2", "XLMRobertaForSequenceClassification", "unigram", ROBERTA + ",\"use_flash_attn\":true,\"id2label\":{\"0\":\"LABEL_0\"}", c -> {
            flash(c, "roberta.", false);
            linear(c, "classifier.dense", WIDTH, WIDTH);
            linear(c, "classifier.out_proj", 1, WIDTH);
        });
        put("jina-bert-v3", "XLMRobertaModel", "unigram", ROBERTA + ",\"use_flash_attn\":true,\"position_embedding_type\":\"rotary\",\"rotary_emb_base\":20000.0,\"lora_adaptations\":[\"retrieval.query\",\"text-matching\"]",
                c -> flash(c, "roberta.", true));
        put("modern-bert-reranker", "ModernBertForSequenceClassification", "bpe", modern.formatted("gelu") + ",\"classifier_pooling\":\"mean\",\"id2label\":{\"0\":\"LABEL_0\"}", c -> {
            modern(c, "model.");
            c.add("head.dense.weight", 0, WIDTH, WIDTH).add("head.norm.weight", 1, WIDTH);
            linear(c, "classifier", 1, WIDTH);
        });
        put("qwen3-classifier", "Qwen3ForSequenceClassification", "bpe", RMS + UNTIED + ",\"head_dim\":16" + three, c -> {
            qwen(c, false);
            c.add("score.weight", 0, 3, WIDTH);
        });
        put("qwen3-reranker-head", "Qwen3ForSequenceClassification", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"id2label\":{\"0\":\"LABEL_0\"}", c -> {
            qwen(c, false);
            c.add("score.weight", 0, 1, WIDTH);
        });
        put("neo-bert-classifier", "NeoBERTForSequenceClassification", "wordpiece", ",\"intermediate_size\":144,\"max_length\":512,\"norm_eps\":1e-5,\"hidden_act\":\"swiglu\",\"rope\":true,\"rms_norm\":true" + three, c -> {
            neo(c, "model.");
            linear(c, "dense", WIDTH, WIDTH);
            linear(c, "classifier", 3, WIDTH);
        });
        put("neo-bert", "NeoBERT", "wordpiece", ",\"intermediate_size\":144,\"max_length\":512,\"norm_eps\":1e-5,\"hidden_act\":\"swiglu\",\"rope\":true,\"rms_norm\":true", c -> neo(c, ""));
    }

    /** Qwen2 with biases, Qwen3 with norms of heads, EuroBERT with neither; all without head and without the prefix of the class that has one. */
    private static void qwen(MemoryCheckpoint c, Boolean second) {
        c.add("embed_tokens.weight", 0, ROWS, WIDTH).add("norm.weight", 1, WIDTH);
        for (int i = 0; i < 2; i++) {
            String l = "layers." + i + ".";
            TinyModels.norms(c, l);
            TinyModels.attention(c, l, Boolean.TRUE.equals(second), "o_proj");
            TinyModels.gated(c, l + "mlp.", 96);
            if (Boolean.FALSE.equals(second)) {
                TinyModels.headNorms(c, l, HEAD, HEAD);
            }
        }
    }

    private static void bert(MemoryCheckpoint c, String prefix, int positions, int segments) {
        c.add(prefix + "embeddings.word_embeddings.weight", 0, ROWS, WIDTH).add(prefix + "embeddings.position_embeddings.weight", 0, positions, WIDTH);
        c.add(prefix + "embeddings.token_type_embeddings.weight", 0, segments, WIDTH);
        norm(c, prefix + "embeddings.LayerNorm");
        for (int i = 0; i < 2; i++) {
            String l = prefix + "encoder.layer." + i + ".";
            for (String name : List.of("query", "key", "value")) {
                linear(c, l + "attention.self." + name, WIDTH, WIDTH);
            }
            linear(c, l + "attention.output.dense", WIDTH, WIDTH);
            norm(c, l + "attention.output.LayerNorm");
            linear(c, l + "intermediate.dense", 96, WIDTH);
            linear(c, l + "output.dense", WIDTH, 96);
            norm(c, l + "output.LayerNorm");
        }
        linear(c, prefix + "pooler.dense", WIDTH, WIDTH);
    }

    /** As Google's first models were saved: the whole under a prefix, norms as gamma and beta, heads behind it. */
    private static void masked(MemoryCheckpoint c) {
        bert(c, "bert.", 512, 2);
        for (String name : c.tensors().tensors().stream().map(TensorInfo::name).filter(name -> name.contains("LayerNorm.weight")).toList()) {
            String norm = name.substring(0, name.lastIndexOf('.'));
            c.remove(name).remove(norm + ".bias").add(norm + ".gamma", 1, WIDTH).add(norm + ".beta", 0, WIDTH);
        }
        c.add("cls.predictions.bias", 0, ROWS).add("cls.predictions.transform.dense.weight", 0, WIDTH, WIDTH).add("cls.seq_relationship.weight", 0, 2, WIDTH);
    }

    private static void nomic(MemoryCheckpoint c) {
        c.add("embeddings.word_embeddings.weight", 0, ROWS, WIDTH).add("embeddings.token_type_embeddings.weight", 0, 2, WIDTH);
        norm(c, "emb_ln");
        for (int i = 0; i < 2; i++) {
            String l = "encoder.layers." + i + ".";
            c.add(l + "attn.Wqkv.weight", 0, 3 * WIDTH, WIDTH).add(l + "attn.out_proj.weight", 0, WIDTH, WIDTH);
            c.add(l + "mlp.fc11.weight", 0, 96, WIDTH).add(l + "mlp.fc12.weight", 0, 96, WIDTH).add(l + "mlp.fc2.weight", 0, WIDTH, 96);
            norm(c, l + "norm1");
            norm(c, l + "norm2");
        }
    }

    private static void mixture(MemoryCheckpoint c) {
        c.add("embeddings.word_embeddings.weight", 0, ROWS, WIDTH).add("embeddings.token_type_embeddings.weight", 0, 1, WIDTH);
        norm(c, "emb_ln");
        for (int i = 0; i < 2; i++) {
            String l = "encoder.layers." + i + ".";
            linear(c, l + "attn.Wqkv", 3 * WIDTH, WIDTH);
            linear(c, l + "attn.out_proj", WIDTH, WIDTH);
            if (i % 2 == 1) {
                c.add(l + "mlp.router.layer.weight", 0, 4, WIDTH).add(l + "mlp.experts.mlp.w1", 0, 4 * 96, WIDTH).add(l + "mlp.experts.mlp.w2", 0, 4 * 96, WIDTH).add(l + "mlp.experts.bias", 0, WIDTH);
            } else {
                linear(c, l + "mlp.fc1", 96, WIDTH);
                linear(c, l + "mlp.fc2", WIDTH, 96);
            }
            norm(c, l + "norm1");
            norm(c, l + "norm2");
        }
    }

    /** Jina's own code; with tasks every weight is the result of a parametrization, and there are no positions. */
    private static void flash(MemoryCheckpoint c, String prefix, boolean tasks) {
        weight(c, prefix + "embeddings.word_embeddings", ROWS, WIDTH, tasks);
        weight(c, prefix + "embeddings.token_type_embeddings", 1, WIDTH, tasks);
        if (!tasks) {
            c.add(prefix + "embeddings.position_embeddings.weight", 0, 514, WIDTH);
        }
        norm(c, prefix + "emb_ln");
        for (int i = 0; i < 2; i++) {
            String l = prefix + "encoder.layers." + i + ".";
            weight(c, l + "mixer.Wqkv", 3 * WIDTH, WIDTH, tasks);
            weight(c, l + "mixer.out_proj", WIDTH, WIDTH, tasks);
            weight(c, l + "mlp.fc1", 96, WIDTH, tasks);
            weight(c, l + "mlp.fc2", WIDTH, 96, tasks);
            c.add(l + "mixer.Wqkv.bias", 0, 3 * WIDTH).add(l + "mixer.out_proj.bias", 0, WIDTH).add(l + "mlp.fc1.bias", 0, 96).add(l + "mlp.fc2.bias", 0, WIDTH);
            norm(c, l + "norm1");
            norm(c, l + "norm2");
        }
    }

    private static void weight(MemoryCheckpoint c, String name, int out, int in, boolean parametrized) {
        if (parametrized) {
            c.add(name + ".parametrizations.weight.original", 0, out, in).add(name + ".parametrizations.weight.0.lora_A", 0, 2, 4, in).add(name + ".parametrizations.weight.0.lora_B", 0, 2, out, 4);
        } else {
            c.add(name + ".weight", 0, out, in);
        }
    }

    private static void distil(MemoryCheckpoint c) {
        c.add("distilbert.embeddings.word_embeddings.weight", 0, ROWS, WIDTH).add("distilbert.embeddings.position_embeddings.weight", 0, 512, WIDTH);
        norm(c, "distilbert.embeddings.LayerNorm");
        for (int i = 0; i < 2; i++) {
            String l = "distilbert.transformer.layer." + i + ".";
            for (String name : List.of("q_lin", "k_lin", "v_lin", "out_lin")) {
                linear(c, l + "attention." + name, WIDTH, WIDTH);
            }
            norm(c, l + "sa_layer_norm");
            linear(c, l + "ffn.lin1", 96, WIDTH);
            linear(c, l + "ffn.lin2", WIDTH, 96);
            norm(c, l + "output_layer_norm");
        }
        linear(c, "vocab_transform", WIDTH, WIDTH);
        norm(c, "vocab_layer_norm");
        c.add("vocab_projector.bias", 0, ROWS);
    }

    private static void jina(MemoryCheckpoint c, boolean code) {
        c.add("embeddings.word_embeddings.weight", 0, ROWS, WIDTH).add("embeddings.token_type_embeddings.weight", 0, 2, WIDTH);
        norm(c, "embeddings.LayerNorm");
        for (int i = 0; i < 2; i++) {
            String l = "encoder.layer." + i + ".";
            for (String name : List.of("query", "key", "value")) {
                linear(c, l + "attention.self." + name, WIDTH, WIDTH);
            }
            linear(c, l + "attention.output.dense", WIDTH, WIDTH);
            norm(c, l + "attention.output.LayerNorm");
            c.add(l + (code ? "mlp.up_gated_layer.weight" : "mlp.gated_layers.weight"), 0, 2 * 96, WIDTH);
            linear(c, l + (code ? "mlp.down_layer" : "mlp.wo"), WIDTH, 96);
            norm(c, l + (code ? "layer_norm_2" : "mlp.layernorm"));
            if (code) {
                norm(c, l + "layer_norm_1");
                norm(c, l + "attention.self.layer_norm_q");
                norm(c, l + "attention.self.layer_norm_k");
            }
        }
        linear(c, "pooler.dense", WIDTH, WIDTH);
    }

    private static void modern(MemoryCheckpoint c, String prefix) {
        c.add(prefix + "embeddings.tok_embeddings.weight", 0, ROWS, WIDTH).add(prefix + "embeddings.norm.weight", 1, WIDTH).add(prefix + "final_norm.weight", 1, WIDTH);
        for (int i = 0; i < 5; i++) {
            String l = prefix + "layers." + i + ".";
            if (i > 0) {
                c.add(l + "attn_norm.weight", 1, WIDTH);
            }
            c.add(l + "attn.Wqkv.weight", 0, 3 * WIDTH, WIDTH).add(l + "attn.Wo.weight", 0, WIDTH, WIDTH).add(l + "mlp_norm.weight", 1, WIDTH);
            c.add(l + "mlp.Wi.weight", 0, 2 * 96, WIDTH).add(l + "mlp.Wo.weight", 0, WIDTH, 96);
        }
    }

    private static void neo(MemoryCheckpoint c, String prefix) {
        c.add(prefix + "encoder.weight", 0, ROWS, WIDTH).add(prefix + "layer_norm.weight", 1, WIDTH);
        for (int i = 0; i < 2; i++) {
            String l = prefix + "transformer_encoder." + i + ".";
            c.add(l + "attention_norm.weight", 1, WIDTH).add(l + "qkv.weight", 0, 3 * WIDTH, WIDTH).add(l + "wo.weight", 0, WIDTH, WIDTH);
            c.add(l + "ffn_norm.weight", 1, WIDTH).add(l + "ffn.w12.weight", 0, 2 * 96, WIDTH).add(l + "ffn.w3.weight", 0, WIDTH, 96);
        }
    }

    private static void norm(MemoryCheckpoint c, String name) {
        c.add(name + ".weight", 1, WIDTH).add(name + ".bias", 0, WIDTH);
    }

    private static void linear(MemoryCheckpoint c, String name, int out, int in) {
        c.add(name + ".weight", 0, out, in).add(name + ".bias", 0, out);
    }

    private static void gemma(MemoryCheckpoint c) {
        c.add("embed_tokens.weight", 0, ROWS, WIDTH).add("norm.weight", 0, WIDTH);
        for (int i = 0; i < 7; i++) {
            String l = "layers." + i + ".";
            for (String norm : List.of("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")) {
                c.add(l + norm + ".weight", 0, WIDTH);
            }
            TinyModels.attention(c, l, false, "o_proj");
            c.add(l + "self_attn.q_norm.weight", 0, HEAD).add(l + "self_attn.k_norm.weight", 0, HEAD);
            TinyModels.gated(c, l + "mlp.", 96);
        }
    }
}
