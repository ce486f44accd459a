package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Set;

/** A layer's experts as llama.cpp's graphs route to them ({@code build_moe_ffn} and its callers). */
final class GgufExperts {
    /** Graphs that do not scale the chosen experts' shares to a sum of one. */
    private static final Set<String> AS_THEY_ARE = Set.of("qwen2moe", "olmoe", "gpt-oss", "llama4");
    /** Graphs that ask the file whether they do. */
    private static final Set<String> AS_THE_FILE_SAYS = Set.of("glm4moe", "deepseek2", "mistral4");
    private static final int SIGMOID = 2;

    private GgufExperts() { }

    static ExpertMixture read(GgufTensors file, String l) {
        String arch = file.arch();
        boolean renormalise = AS_THE_FILE_SAYS.contains(arch) ? file.number("expert_weights_norm", 0) == 1 : !AS_THEY_ARE.contains(arch);
        Linear open = file.find(l + "ffn_gate_inp_shexp.weight").map(gate -> new Linear(new double[][] {file.vector(gate)}, null)).orElse(null);
        ExpertMixture experts = new ExpertMixture(file.linear(l + "ffn_gate_inp"), file.experts(l), (int) file.number("expert_used_count", 0), renormalise,
                file.has(l + "ffn_up_shexp.weight") ? file.gated(l, "_shexp") : null, open);
        experts.shares = arch.equals("gpt-oss") ? Shares.SOFTMAX_OF_CHOSEN : file.number("expert_gating_func", 1) == SIGMOID ? Shares.SIGMOID : Shares.SOFTMAX;
        experts.choice = file.find(l + "exp_probs_b.bias").map(file::vector).orElse(null);
        if (arch.equals("llama4")) {
            // The graph's own choice, and the share goes into the expert.
            experts.shares = Shares.SIGMOID;
            experts.weighedInput = true;
        }
        experts.groups = (int) file.number("expert_group_count", 1);
        experts.groupsUsed = (int) file.number("expert_group_used_count", 1);
        experts.scale = file.number("expert_weights_scale", 1);
        return experts;
    }
}
