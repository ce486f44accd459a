package dev.adapterferry.quant;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Gives every tensor of a model its type in one output, by llama-quantize's rules as of August 2026: which tensors
 * keep their type, what the user's exceptions override, what the mix gives, and what replaces a type whose blocks do
 * not divide the rows.
 */
public final class TypeSelection {
    private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\.");

    /**
     * The order in which llama-quantize writes tensors and in which the rules count them: by layer, those without one
     * first, then by name.
     */
    public static final Comparator<TensorInfo> FILE_ORDER = Comparator
            .<TensorInfo>comparingInt(t -> layer(t.name()).orElse(-1))
            .thenComparing(TensorInfo::name);

    /** Why a tensor has its type. */
    public enum Reason {
        /** It is a vector, a norm, a router, ...: it keeps the type it came with. */
        KEPT,
        /** The user asked for it. */
        REQUESTED,
        /** The rules of the mix. */
        MIX,
        /** Its rows are not whole blocks of the type that it should have had. */
        SHAPE
    }

    /**
     * The type of one tensor.
     *
     * @param type   the type
     * @param reason why
     */
    public record Choice(GgmlType type, Reason reason) {
    }

    private final ModelFacts model;
    private final TypeRequest request;

    /**
     * @param model   what is known of the model
     * @param request what the user asks for
     */
    public TypeSelection(ModelFacts model, TypeRequest request) {
        this.model = model;
        this.request = request;
    }

    /**
     * Chooses for all tensors of the file. The order given does not matter; the rules count in {@link #FILE_ORDER}.
     *
     * @param tensors all tensors of the file under their GGUF names; the type of those that no mix changes (vectors,
     *                norms, routers) must already be one of GGUF, the type of the others does not matter
     * @return by name, in the order given
     * @throws FerryException when a type asked for by name for output or embedding demands blocks that the tensor's rows do not fill
     */
    public Map<String, Choice> choose(List<TensorInfo> tensors) {
        boolean tied = tensors.stream().noneMatch(t -> t.name().equals("output.weight"));
        int values = (int) tensors.stream().filter(t -> TensorRole.of(t.name()).isValueLike()).count();
        MixRules rules = new MixRules(model, request.mix(), request.importance(), values);

        Map<String, Choice> choices = new LinkedHashMap<>();
        tensors.forEach(t -> choices.put(t.name(), null));
        List<TensorInfo> ordered = new ArrayList<>(tensors);
        ordered.sort(FILE_ORDER);
        for (TensorInfo tensor : ordered) {
            choices.put(tensor.name(), choose(tensor, rules, tied));
        }
        return choices;
    }

    private Choice choose(TensorInfo tensor, MixRules rules, boolean tied) {
        TensorRole role = TensorRole.of(tensor.name());
        if (!TensorRole.isQuantizable(tensor) || role == TensorRole.OUTPUT && request.leaveOutput()) {
            return new Choice(ownType(tensor), Reason.KEPT);
        }
        if (role == TensorRole.EMBEDDING && request.embedding().isPresent()) {
            return requestedExactly(tensor, request.embedding().get());
        }
        if (role == TensorRole.OUTPUT && request.output().isPresent()) {
            return requestedExactly(tensor, request.output().get());
        }
        if (!request.mix().baseType().isQuantized()) {
            return new Choice(request.mix().baseType(), Reason.MIX);
        }
        Optional<TypeOverride> override = request.overrides().stream().filter(o -> o.matches(tensor.name())).findFirst();
        if (override.isPresent()) {
            // An overridden tensor does not advance the counters of the rules.
            return fitting(tensor, override.get().type(), Reason.REQUESTED);
        }
        if (request.pure()) {
            return fitting(tensor, request.mix().baseType(), Reason.MIX);
        }
        if (role == TensorRole.OUTPUT || role == TensorRole.EMBEDDING && tied) {
            // Here a requested output type reaches the embedding that serves as output.
            return request.output().isPresent()
                    ? fitting(tensor, request.output().get(), Reason.REQUESTED)
                    : fitting(tensor, rules.output(tensor.rowLength()), Reason.MIX);
        }
        return fitting(tensor, rules.next(role, layer(tensor.name()).orElse(0), isStacked(tensor)), Reason.MIX);
    }

    /** llama-quantize writes such a request unchecked; rows that are not whole blocks would make a broken file. */
    private static Choice requestedExactly(TensorInfo tensor, GgmlType type) {
        if (tensor.rowLength() % type.blockElements() != 0) {
            throw misfit(tensor, type);
        }
        return new Choice(type, Reason.REQUESTED);
    }

    private static Choice fitting(TensorInfo tensor, GgmlType type, Reason reason) {
        if (tensor.rowLength() % type.blockElements() == 0) {
            return new Choice(type, reason);
        }
        GgmlType replacement = switch (type) {
            case IQ4_XS -> GgmlType.IQ4_NL;
            case Q2_K, Q3_K -> GgmlType.Q4_0;
            case Q4_K -> GgmlType.Q5_0;
            case Q5_K -> GgmlType.Q5_1;
            case Q6_K -> GgmlType.Q8_0;
            default -> GgmlType.F16;
        };
        boolean fits = tensor.rowLength() % replacement.blockElements() == 0;
        // llama-quantize refused rows of such widths until the middle of 2026; now they become half precision, whatever the type.
        return new Choice(fits ? replacement : GgmlType.F16, Reason.SHAPE);
    }

    private static FerryException misfit(TensorInfo tensor, GgmlType type) {
        return new FerryException("Cannot quantize tensor '" + tensor.name() + "' to " + type + ": its rows have " + tensor.rowLength()
                + " values, which is not a multiple of " + type.blockElements() + ". Give it another type, for example "
                + tensor.name() + "=F16.");
    }

    private static GgmlType ownType(TensorInfo tensor) {
        TensorType type = tensor.type();
        if (type instanceof GgmlType ggml) {
            return ggml;
        }
        for (GgmlType ggml : GgmlType.values()) {
            if (ggml.label().equals(type.label())) {
                return ggml;
            }
        }
        throw new FerryException("Cannot keep tensor '" + tensor.name() + "' as it is: GGUF has no type " + type.label() + ".");
    }

    private static boolean isStacked(TensorInfo tensor) {
        return tensor.rank() > 2 && tensor.shape().get(tensor.rank() - 3) > 1;
    }

    private static OptionalInt layer(String name) {
        Matcher matcher = LAYER.matcher(name);
        return matcher.lookingAt() ? OptionalInt.of(Integer.parseInt(matcher.group(1))) : OptionalInt.empty();
    }
}
