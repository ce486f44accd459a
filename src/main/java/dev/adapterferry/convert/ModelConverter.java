package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.DequantizedCheckpoint;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Plans a checkpoint as a GGUF file: what each tensor is called and how its rows are computed, the architecture's keys,
 * the vocabulary, the provenance. Only configuration and tokenizer files are read; the weights wait until the writer
 * asks for rows.
 *
 * <p>Follows llama.cpp's own converter in names, order and values, so that files of both are alike.
 */
public final class ModelConverter {
    private static final String DECODER_START = "decoder_start_token_id";

    private final ArchitectureCatalog catalog = ArchitectureCatalog.builtIn();

    /**
     * Plans one checkpoint.
     *
     * @param stored     stays open as long as the result's tensors are read; the caller closes it
     * @param provenance written into the file
     * @return tensors and keys
     * @throws FerryException when the architecture is unknown, a field, tensor or tokenizer file is missing or malformed;
     *                        the message names it
     */
    public ConvertedModel convert(Checkpoint stored, Provenance provenance) {
        Checkpoint checkpoint = DequantizedCheckpoint.of(stored);
        ModelOutline outline = outline(checkpoint);
        Architecture architecture = catalog.require(checkpoint.config(), checkpoint.name());
        GgufMetadata metadata = outline.metadata();
        List<String> notes = new ArrayList<>(outline.notes());
        Optional<Pooling> said = metadata.findLong(architecture.arch() + ".pooling_type").isPresent() ? Optional.empty() : Pooling.of(checkpoint, architecture.embeds());
        said.ifPresent(pooling -> {
            metadata.putUint32(architecture.arch() + ".pooling_type", pooling.type());
            notes.addAll(pooling.notes());
        });
        DenseLayers.leftOut(checkpoint, architecture, config(checkpoint, architecture)).ifPresent(notes::add);
        TensorInfo embedding = outline.tensors().find("token_embd.weight").orElseThrow();
        TokenizerConverter.Result tokenizer = new TokenizerConverter(checkpoint.name(), checkpoint::file, checkpoint.config())
                .write(architecture.tokenizer(), Math.toIntExact(embedding.shape().getFirst()), metadata);
        YesOrNo.of(checkpoint, architecture).ifPresent(head -> head.writePrompt(metadata));
        new Hyperparameters(checkpoint.name(), architecture, config(checkpoint, architecture), metadata).write(architecture.after());
        new GeneralKeys(checkpoint, provenance, metadata).write(outline.parameters());
        // Files made from this one, and their manifests, say the same.
        metadata.putStrings("adapterferry.notes", outline.notes());
        return new ConvertedModel(outline.architecture(), outline.tensors(), metadata, tokenizer, outline.parameters(), List.copyOf(notes));
    }

    /**
     * Plans all but the vocabulary, from config.json and the tensors' names and shapes alone: what can be said of a checkpoint
     * of which nothing else is here yet.
     *
     * @param checkpoint stays open as long as the result's tensors are read; the caller closes it
     * @throws FerryException when the architecture is unknown, a field or a tensor is missing or malformed; the message names it
     */
    public ModelOutline outline(Checkpoint checkpoint) {
        ObjectNode root = checkpoint.config();
        Architecture architecture = catalog.require(root, checkpoint.name());
        ModelConfig config = config(checkpoint, architecture);

        GgufMetadata parameters = new GgufMetadata();
        new Hyperparameters(checkpoint.name(), architecture, config, parameters).write(architecture.parameters());

        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", architecture.arch());
        ConvertedTensors tensors = tensors(checkpoint, architecture, config, metadata);

        YesOrNo.of(checkpoint, architecture).ifPresent(head -> head.writeKeys(architecture.arch(), parameters));
        requireLabelsThatFit(checkpoint.name(), parameters.findStrings(architecture.arch() + ".classifier.output_labels"), tensors);
        requireHeadsThatFit(checkpoint.name(), config, tensors);
        LayerForms.require(checkpoint.name(), architecture.arch() + ".", parameters, tensors);
        requireWidthThatFits(checkpoint.name(), parameters.findLong(architecture.arch() + ".embedding_length"), tensors);
        metadata.putString("general.type", "model");
        metadata.putString("general.name", checkpoint.name());
        parameters.entries().forEach(metadata::put);
        metadata.putUint32("general.quantization_version", 2);
        long weights = tensors.tensors().stream().mapToLong(TensorInfo::elements).sum();
        List<String> notes = Stream.of(tensors.notes().stream(), ModelConfig.whole(root).flatMap(TextParts.builtIn()::note).stream(), RopeScaling.note(architecture, config).stream()).flatMap(all -> all).toList();
        return new ModelOutline(ModelConfig.className(root).orElseThrow(), architecture.arch(), architecture.since(), tensors, metadata, weights, notes);
    }

    private static ModelConfig config(Checkpoint checkpoint, Architecture architecture) {
        ModelConfig config = ModelConfig.of(withDecoderStart(checkpoint, architecture), architecture, checkpoint.tensors().tensors().stream().map(TensorInfo::name).toList());
        architecture.requireComputable(checkpoint.name(), config);
        return config;
    }

    /** llama.cpp counts the rows of a head by the labels. */
    private static void requireLabelsThatFit(String model, Optional<List<String>> labels, TensorSource tensors) {
        Optional<TensorInfo> head = tensors.find("cls.output.weight");
        if (head.isPresent() && labels.isPresent() && head.get().rows() != labels.get().size()) {
            throw new FerryException("Cannot convert " + model + ": its head has " + head.get().rows() + (head.get().rows() == 1 ? " row" : " rows") + ", but config.json means " + labels.get().size()
                    + " labels (id2label, num_labels). Take the config.json that belongs to the weights.");
        }
    }

    /** transformers keeps the token that a decoder begins with in generation_config.json when it saves a model again. */
    private static ObjectNode withDecoderStart(Checkpoint checkpoint, Architecture architecture) {
        ObjectNode config = checkpoint.config();
        if (architecture.values().containsKey("decoder_block_count") && !config.hasNonNull(DECODER_START)) {
            checkpoint.file("generation_config.json").map(CheckpointFolder::readObject).map(generation -> generation.get(DECODER_START)).filter(JsonNode::isIntegralNumber)
                    .ifPresent(start -> config.set(DECODER_START, start));
        }
        return config;
    }

    /** Sizes that config.json omits may be those of another model of the class. */
    private static void requireWidthThatFits(String model, Optional<Long> width, TensorSource tensors) {
        Optional<TensorInfo> embedding = tensors.find("token_embd.weight");
        if (embedding.isPresent() && width.isPresent() && width.get() != embedding.get().rowLength()) {
            throw new FerryException("Cannot convert " + model + ": config.json means " + width.get() + " numbers per token (hidden_size; left out, it is the class's usual one), but the embedding has "
                    + embedding.get().rowLength() + ". Take the config.json that belongs to the weights.");
        }
    }

    /** A head count that config.json omits is filled with the class's usual one; the weights tell whether it is this model's. */
    private static void requireHeadsThatFit(String model, ModelConfig config, TensorSource tensors) {
        Optional<TensorInfo> query = tensors.find("blk.0.attn_q.weight");
        Optional<TensorInfo> key = tensors.find("blk.0.attn_k.weight");
        Optional<Long> heads = config.findLong("heads");
        Optional<Long> keyHeads = config.findLong("kv_heads");
        if (query.isPresent() && key.isPresent() && heads.isPresent() && keyHeads.isPresent() && query.get().rows() * keyHeads.get() != key.get().rows() * heads.get()) {
            throw new FerryException("Cannot convert " + model + ": config.json means " + heads.get() + " query heads and " + keyHeads.get() + " key heads (num_attention_heads, num_key_value_heads), but the weights have "
                    + query.get().rows() + " rows of queries and " + key.get().rows() + " of keys. Take the config.json that belongs to the weights.");
        }
    }

    /**
     * A checkpoint's tensors under GGUF names, without keys and vocabulary.
     *
     * @param checkpoint stays open as long as they are read
     * @return the tensors, in file order
     */
    public TensorSource tensors(Checkpoint checkpoint) {
        Architecture architecture = catalog.require(checkpoint.config(), checkpoint.name());
        ModelConfig config = config(checkpoint, architecture);
        return tensors(checkpoint, architecture, config, new GgufMetadata());
    }

    private static ConvertedTensors tensors(Checkpoint checkpoint, Architecture architecture, ModelConfig config, GgufMetadata metadata) {
        Optional<YesOrNo> answers = YesOrNo.of(checkpoint, architecture);
        Map<String, TensorView> generated = new GeneratedTensors(checkpoint.name(), architecture, config, DenseLayers.of(checkpoint, architecture, config), metadata).make();
        answers.ifPresent(head -> head.put(generated));
        ConvertedTensors tensors = TensorPlan.plan(checkpoint.name(), architecture, config, generated, checkpoint.tensors(), metadata);
        return answers.map(head -> head.instead(tensors)).orElse(tensors);
    }
}
