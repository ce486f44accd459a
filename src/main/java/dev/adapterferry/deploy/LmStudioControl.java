package dev.adapterferry.deploy;

import dev.adapterferry.modelserver.ListedModel;
import java.util.List;

/** What can be asked of a running LM Studio, by its REST API or by its {@code lms} command. */
interface LmStudioControl {
    /** All models that it knows, loaded or not. */
    List<ListedModel> models();

    /**
     * Loads one more instance of a model.
     *
     * @param model   the listed model
     * @param format  quantization wanted
     * @param context context length in tokens
     * @return the new instance
     */
    ListedModel.Instance load(ListedModel model, String format, long context);

    /** Unloads an instance. */
    void unload(ListedModel.Instance instance);
}
