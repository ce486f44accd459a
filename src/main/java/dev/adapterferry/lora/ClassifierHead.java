package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.TensorInfo;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The head of a classifier (task_type SEQ_CLS): PEFT saves {@code classifier} or {@code score} whole with the adapter. A base that has one gives it up for the trained one; a base of a bare model
 * gets it, and config.json names the class with a head then, as transformers' AutoModelForSequenceClassification does before the training.
 */
final class ClassifierHead {
    private static final Pattern HEAD = Pattern.compile("(score|classifier|classifier\\.(dense|out_proj))");
    /** The one whose rows are the labels. */
    private static final Pattern LABELS = Pattern.compile("(score|classifier|classifier\\.out_proj)\\.weight");
    private static final Pattern BARE = Pattern.compile("(.+?)(ForCausalLM|ForMaskedLM|ForPreTraining|LMHeadModel|Model)");

    private final Drafts drafts;
    private long labels;

    /** @param drafts what is planned */
    ClassifierHead(Drafts drafts) {
        this.drafts = drafts;
    }

    /**
     * Takes a tensor of a head that the base lacks.
     *
     * @param adapter where it comes from
     * @param whole   the tensor there
     * @return false when it is none, or the base has it
     */
    boolean add(AdapterFolder adapter, String module, TensorInfo whole, String suffix) {
        Optional<TensorInfo> embedding = drafts.names().inputEmbedding();
        if (!adapter.config().classifies() || !HEAD.matcher(module).matches() || drafts.names().find(module, suffix).isPresent() || embedding.isEmpty()) {
            return false;
        }
        drafts.added(module + suffix, embedding.get()).replace(adapter.tensors(), whole);
        if (LABELS.matcher(module + suffix).matches()) {
            labels = whole.shape().getFirst();
        }
        return true;
    }

    /** Writes the class with a head, and as many labels as it has, where a bare model got one. */
    void settle(ObjectNode config) {
        Matcher bare = BARE.matcher(config.at("/architectures/0").asText());
        if (labels == 0 || !bare.matches()) {
            return;
        }
        config.putArray("architectures").add(bare.group(1) + "ForSequenceClassification");
        ObjectNode names = config.putObject("id2label");
        ObjectNode numbers = config.putObject("label2id");
        for (int i = 0; i < labels; i++) {
            names.put(String.valueOf(i), "LABEL_" + i);
            numbers.put("LABEL_" + i, i);
        }
        drafts.warnings().add("the adapter brings a head of " + labels + (labels == 1 ? " label" : " labels") + " along, which the base lacks: the result is a " + config.at("/architectures/0").asText()
                + ". adapter_config.json does not name the labels; id2label of config.json calls them LABEL_0 and so on");
    }
}
