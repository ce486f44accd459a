package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.ModelFacts;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.quant.TypeSelection;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Plans the files of a request: the type of every tensor and the keys of every file, by llama-quantize's rules. */
final class OutputPlanner {
    private static final long QUANTIZATION_VERSION = 2;
    /** llama.cpp keeps override keys in 128 bytes with a terminator. */
    private static final int LONGEST_TEXT = 127;

    private final QuantizeRequest request;

    OutputPlanner(QuantizeRequest request) {
        this.request = request;
    }

    /** The file of one format. */
    PassOutput plan(TypeRequest format) {
        TypeRequest asked = new TypeRequest(format.mix(), request.importance().isPresent(), format.output(), format.embedding(), format.overrides(), format.pure(), format.leaveOutput());
        List<TensorInfo> tensors = request.source().tensors();
        Map<String, TypeSelection.Choice> choices = new TypeSelection(facts(request.metadata()), asked).choose(tensors.stream().map(OutputPlanner::asGguf).toList());
        tensors.forEach(tensor -> requireEncodable(tensor, choices.get(tensor.name()).type()));
        Path file = request.folder().resolve(request.name() + "-" + format.mix().label() + ".gguf");
        return new PassOutput(format.mix().label(), file, GgufPlan.of(metadata(format), tensors, tensor -> choices.get(tensor.name()).type()));
    }

    /**
     * A checkpoint's tensor as llama.cpp's converter would hand it to llama-quantize: what no mix changes (vectors,
     * norms, routers) is F32 there, whatever the checkpoint stores.
     */
    private static TensorInfo asGguf(TensorInfo tensor) {
        return tensor.type() instanceof GgmlType || tensor.type().blockElements() > 1 ? tensor : new TensorInfo(tensor.name(), GgmlType.F32, tensor.shape());
    }

    private void requireEncodable(TensorInfo tensor, GgmlType type) {
        boolean quantized = tensor.type().blockElements() > 1 && !tensor.type().label().equals(type.label());
        if (quantized && !request.allowRequantize()) {
            throw new FerryException("Cannot quantize " + request.name() + ": tensor '" + tensor.name() + "' is " + tensor.type().label() + " already and would become " + type
                    + ", which loses twice. Use the original model as the source, or ask for requantizing (ferry quantize --allow-requantize).");
        }
        if (quantized && !(tensor.type() instanceof GgmlType)) {
            throw new FerryException("Cannot quantize " + request.name() + ": tensor '" + tensor.name() + "' is " + tensor.type().label() + ", which cannot be decoded. Use the original model as the source.");
        }
    }

    private GgufMetadata metadata(TypeRequest format) {
        GgufMetadata metadata = request.metadata().copy();
        if (format.mix().baseType().isQuantized()) {
            metadata.remove("general.quantization_version");
            metadata.remove("general.file_type");
        }
        metadata.putUint32("general.quantization_version", QUANTIZATION_VERSION).putUint32("general.file_type", format.mix().fileType());
        request.importance().ifPresent(matrix -> describe(matrix, metadata));
        return metadata;
    }

    private static void describe(ImportanceMatrix matrix, GgufMetadata metadata) {
        metadata.putString("quantize.imatrix.file", shortened(matrix.source()));
        matrix.datasets().stream().findFirst().ifPresent(dataset -> metadata.putString("quantize.imatrix.dataset", shortened(dataset)));
        metadata.putUint32("quantize.imatrix.entries_count", matrix.size());
        if (matrix.chunks() > 0) {
            metadata.putUint32("quantize.imatrix.chunks_count", matrix.chunks());
        }
    }

    private static String shortened(String text) {
        String cut = text;
        while (cut.getBytes(StandardCharsets.UTF_8).length > LONGEST_TEXT) {
            cut = cut.substring(0, cut.offsetByCodePoints(cut.length(), -1));
        }
        return cut;
    }

    private static ModelFacts facts(GgufMetadata metadata) {
        String architecture = metadata.findString("general.architecture").orElseThrow(() -> new FerryException("Cannot quantize a file without general.architecture: it is no model. Name a model's file, or its first shard."));
        int heads = first(metadata, architecture + ".attention.head_count").orElse(0);
        return new ModelFacts(architecture, first(metadata, architecture + ".block_count").orElse(0), first(metadata, architecture + ".expert_count").orElse(0), heads,
                first(metadata, architecture + ".attention.head_count_kv").orElse(heads));
    }

    /** A number, or that of layer 0 where each layer has its own. */
    private static Optional<Integer> first(GgufMetadata metadata, String key) {
        return metadata.find(key).map(value -> switch (value.value()) {
            case Long number -> Math.toIntExact(number);
            case int[] numbers when numbers.length > 0 -> numbers[0];
            case long[] numbers when numbers.length > 0 -> Math.toIntExact(numbers[0]);
            default -> 0;
        });
    }
}
