package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The tensors that a plan has touched so far, and the words in which it refuses. */
final class Drafts {
    private final Checkpoint base;
    private final String adapter;
    private final ModuleNames names;
    private final Map<String, TensorDraft> drafts = new LinkedHashMap<>();
    private final List<String> warnings = new ArrayList<>();

    /**
     * @param base    what is merged into
     * @param adapter the adapter's name, for messages
     */
    Drafts(Checkpoint base, String adapter) {
        this.base = base;
        this.adapter = adapter;
        this.names = new ModuleNames(base.tensors(), adapter);
    }

    Checkpoint base() {
        return base;
    }

    ModuleNames names() {
        return names;
    }

    List<String> warnings() {
        return warnings;
    }

    Map<String, TensorDraft> all() {
        return drafts;
    }

    /** The draft of a module's tensor; a head that the base shares with its embedding gets one of its own. */
    TensorDraft of(String module, String suffix) {
        Optional<TensorInfo> tensor = names.find(module, suffix);
        if (tensor.isEmpty() && ModuleNames.isHead(module) && suffix.equals(".weight")) {
            Optional<TensorInfo> embedding = names.inputEmbedding();
            if (embedding.isPresent()) {
                return drafts.computeIfAbsent(headName(), name -> new TensorDraft(name, base.tensors(), embedding.get()));
            }
        }
        return of(tensor.orElseGet(() -> names.get(module, suffix)));
    }

    /**
     * The draft of a tensor that the base does not have.
     *
     * @param like a tensor of the base, whose element type it gets; of another shape
     */
    TensorDraft added(String name, TensorInfo like) {
        return drafts.computeIfAbsent(name, made -> new TensorDraft(made, base.tensors(), like));
    }

    /** The draft of one of the base's tensors. */
    TensorDraft of(TensorInfo tensor) {
        return drafts.computeIfAbsent(tensor.name(), name -> new TensorDraft(name, base.tensors(), tensor));
    }

    /** The name that the output head has once it is a tensor of its own: beside the text model, as transformers has it. */
    private String headName() {
        String embedding = names.inputEmbedding().orElseThrow().name();
        return embedding.startsWith("language_model.model.") ? "language_model.lm_head.weight" : "lm_head.weight";
    }

    /** The head that the base does not have, if the plan made one. */
    Optional<TensorDraft> newHead() {
        return base.tensors().find(headName()).isPresent() ? Optional.empty() : Optional.ofNullable(drafts.get(headName()));
    }

    /** A refusal that names a module. */
    FerryException misfit(String module, String what) {
        return new FerryException("Cannot merge " + adapter + " into " + base.name() + ": module '" + PrintableName.of(module) + "': " + what + ".");
    }

    /** A refusal of the whole. */
    FerryException refusal(String what) {
        return new FerryException("Cannot merge " + adapter + ": " + what + ".");
    }
}
