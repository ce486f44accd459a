package dev.adapterferry.lora;

import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the fused parameters of mixture-of-experts layers in a base: as one tensor, as one tensor of MXFP4 blocks (read as what they stand for), or as
 * the experts one by one.
 */
final class ExpertParameters {
    /** Models that keep fused experts as {@code (E, in, out)}: attribute {@code is_transposed}. */
    private static final Set<String> TRANSPOSED_MODELS = Set.of("gpt_oss", "llama4", "llama4_text");
    /** What single experts call the parts of a fused parameter, in the order of its rows. */
    private static final Map<String, List<List<String>>> SPLIT = Map.of(
            "gate_up_proj", List.of(List.of("gate_proj", "up_proj"), List.of("w1", "w3")),
            "gate_proj", List.of(List.of("gate_proj"), List.of("w1")),
            "up_proj", List.of(List.of("up_proj"), List.of("w3")),
            "down_proj", List.of(List.of("down_proj"), List.of("w2")));

    private final Drafts drafts;

    /** @param drafts knows the base */
    ExpertParameters(Drafts drafts) {
        this.drafts = drafts;
    }

    /**
     * A fused parameter of the running model and where its rows lie in the base.
     *
     * @param name       of the parameter
     * @param experts    E
     * @param rows       rows per expert
     * @param cols       columns
     * @param transposed whether the running model has it as {@code (E, in, out)}
     * @param turned     whether the base stores it the other way round
     * @param places     per expert, the pieces that make up its rows, in order
     */
    record Parameter(String name, int experts, int rows, int cols, boolean transposed, boolean turned, List<List<Piece>> places) { }

    /** Rows of one of the base's tensors. */
    record Piece(TensorInfo tensor, int firstRow, int rows) { }

    /** The parameter of a module, if the base has it in any form. */
    Optional<Parameter> find(String module, String name) {
        Optional<TensorInfo> plain = drafts.names().find(module + "." + name, "");
        // MXFP4 blocks lie along the inputs: outputs are the rows.
        Optional<TensorInfo> fused = plain.isPresent() ? plain : drafts.names().find(module + "." + name, "_blocks");
        if (fused.isPresent() && (fused.get().rank() == 3 || fused.get().rank() == 2)) {
            TensorInfo tensor = fused.get();
            int experts = tensor.rank() == 3 ? tensor.shape().getFirst().intValue() : 1;
            int rows = tensor.shape().get(tensor.rank() - 2).intValue();
            List<List<Piece>> places = new ArrayList<>();
            for (int e = 0; e < experts; e++) {
                places.add(List.of(new Piece(tensor, e * rows, rows)));
            }
            boolean transposed = TRANSPOSED_MODELS.contains(drafts.base().config().path("model_type").asText(""));
            return Optional.of(new Parameter(name, experts, rows, (int) tensor.rowLength(), transposed, plain.isEmpty(), places));
        }
        for (List<String> parts : SPLIT.getOrDefault(name, List.of())) {
            Optional<Parameter> split = split(module, name, parts);
            if (split.isPresent()) {
                return split;
            }
        }
        return Optional.empty();
    }

    /** Experts one by one: {@code experts.3.gate_proj.weight}. */
    private Optional<Parameter> split(String module, String name, List<String> parts) {
        List<List<Piece>> places = new ArrayList<>();
        int rows = 0;
        int cols = 0;
        for (int expert = 0; ; expert++) {
            List<Piece> pieces = new ArrayList<>();
            for (String part : parts) {
                expertTensor(module, expert, part).ifPresent(tensor -> pieces.add(new Piece(tensor, 0, (int) tensor.rows())));
            }
            if (pieces.isEmpty()) {
                break;
            }
            if (pieces.size() < parts.size()) {
                throw drafts.misfit(module, "the base's expert " + expert + " lacks one of " + parts + ". Get the base again, with all its files");
            }
            rows = pieces.stream().mapToInt(Piece::rows).sum();
            cols = (int) pieces.getFirst().tensor().rowLength();
            places.add(pieces);
        }
        return places.isEmpty() ? Optional.empty() : Optional.of(new Parameter(name, places.size(), rows, cols, false, false, places));
    }

    /** Mixtral's experts moved from {@code block_sparse_moe} to {@code mlp} between versions of transformers. */
    private Optional<TensorInfo> expertTensor(String module, int expert, String part) {
        String path = "." + expert + "." + part;
        Optional<TensorInfo> tensor = drafts.names().find(module + path, ".weight");
        return tensor.isPresent() ? tensor : drafts.names().find(module.replace(".mlp.experts", ".block_sparse_moe.experts") + path, ".weight");
    }

    /** The gate's or the up projection's rows in a fused {@code gate_up_proj} that is stored {@code (E, out, in)}. */
    Optional<Parameter> half(String experts, String projection) {
        int which = List.of("gate_proj", "up_proj").indexOf(projection);
        return which < 0 ? Optional.empty() : find(experts, "gate_up_proj").filter(p -> !p.transposed() && p.rows() % 2 == 0).map(p -> {
            int rows = p.rows() / 2;
            List<List<Piece>> places = p.places().stream().map(pieces -> pieces.size() == 2 ? List.of(pieces.get(which))
                    : List.of(new Piece(pieces.getFirst().tensor(), pieces.getFirst().firstRow() + which * rows, rows))).toList();
            return new Parameter(projection, p.experts(), rows, p.cols(), false, false, places);
        });
    }
}
