package dev.adapterferry.serve;

import dev.adapterferry.llamacpp.EmbeddingModel;

/** A loaded model that makes vectors of texts, for {@link VectorRequest}. */
final class VectorModel implements Engine {
    private final EmbeddingModel model;

    VectorModel(EmbeddingModel model) {
        this.model = model;
    }

    EmbeddingModel.Embedding embed(String text) {
        return model.embed(text);
    }

    @Override
    public int contextLength() {
        return model.contextLength();
    }

    @Override
    public void warmUp() {
        model.embed("Hello");
    }

    @Override
    public void close() {
        model.close();
    }
}
