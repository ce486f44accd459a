package dev.adapterferry.serve;

import dev.adapterferry.llamacpp.ScoringModel;

/** A loaded model that scores texts against a query, for {@link RankRequest}. */
final class ScoreModel implements Engine {
    private final ScoringModel model;

    ScoreModel(ScoringModel model) {
        this.model = model;
    }

    ScoringModel.Score score(String query, String text) {
        return model.score(query, text);
    }

    @Override
    public int contextLength() {
        return model.contextLength();
    }

    @Override
    public void warmUp() {
        model.score("Hello", "Hello");
    }

    @Override
    public void close() {
        model.close();
    }
}
