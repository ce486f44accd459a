package dev.adapterferry.quant;

import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** Where callers get their kernels. */
public final class Kernels {
    private static final Set<GgmlType> TYPES = Collections.unmodifiableSet(EnumSet.complementOf(
            EnumSet.of(GgmlType.I8, GgmlType.I16, GgmlType.I32, GgmlType.I64, GgmlType.F64)));

    private static final boolean VECTORS = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() && Lanes.ARE_WORTHWHILE;

    /** One per type for the whole process, since what the compiler has learnt is the process's too. */
    private static final Map<GgmlType, RowKernel> FASTEST = new EnumMap<>(GgmlType.class);

    static {
        for (GgmlType type : TYPES) {
            RowKernel scalar = scalar(type);
            RowKernel vector = vector(type);
            boolean ready = vector instanceof ScalarKernel || type == GgmlType.F32 || type == GgmlType.F16;
            FASTEST.put(type, ready ? vector : new WarmingKernel(scalar, vector));
        }
    }

    private Kernels() {
    }

    /** The types that have a kernel, in the order of their ids. */
    public static Set<GgmlType> types() {
        return TYPES;
    }

    /**
     * The fastest kernel of a type on this machine: the vector kernel, once it is worth it. The bytes do not depend on
     * which one works.
     *
     * @throws FerryException when the type has no kernel (integers and F64, which no mix chooses)
     */
    public static RowKernel forType(GgmlType type) {
        RowKernel kernel = FASTEST.get(type);
        return kernel != null ? kernel : scalar(type);
    }

    /**
     * Gets the encoders of some types ready while others work: returns when all are, or when told to stop. Meant for a
     * thread of its own beside long work; short work is done sooner without.
     *
     * @param importance whether the work will have an importance matrix
     * @param stop       asked every few milliseconds
     */
    public static void rehearse(Set<GgmlType> types, boolean importance, BooleanSupplier stop) {
        List<WarmingKernel> cold = new ArrayList<>();
        types.forEach(type -> {
            if (forType(type) instanceof WarmingKernel kernel) {
                cold.add(kernel);
            }
        });
        // In turn, so that the compiler works on one while another runs.
        while (!cold.isEmpty() && !stop.getAsBoolean()) {
            cold.removeIf(kernel -> stop.getAsBoolean() || kernel.rehearse(importance));
        }
    }

    /**
     * The vector kernel of a type, whether warm or not; the plain one where the type or the machine has none.
     *
     * @throws FerryException when the type has no kernel
     */
    public static RowKernel vector(GgmlType type) {
        if (!VECTORS) {
            return scalar(type);
        }
        return switch (type) {
            case F32 -> new BulkF32();
            case F16, BF16 -> new BulkHalf(type);
            case Q8_0 -> new VectorQ8_0();
            case Q4_0, Q5_0 -> new VectorSymmetricBlock(type);
            case Q4_1, Q5_1 -> new VectorAffineBlock(type);
            case Q4_K, Q5_K -> new VectorAffineSuperBlock(type);
            case Q6_K -> new VectorQ6_K();
            case Q2_K -> new VectorQ2_K();
            case Q3_K -> new VectorQ3_K();
            case IQ4_NL, IQ4_XS -> new VectorIQ4(type);
            case MXFP4 -> new VectorMXFP4();
            default -> scalar(type);
        };
    }

    /**
     * The plain kernel of a type, which reads like its definition.
     *
     * @throws FerryException when the type has no kernel
     */
    public static RowKernel scalar(GgmlType type) {
        return switch (type) {
            case F32 -> new F32();
            case F16 -> new F16();
            case BF16 -> new BF16();
            case Q8_0 -> new Q8_0();
            case Q4_0, Q5_0 -> new SymmetricBlock(type);
            case Q4_1, Q5_1 -> new AffineBlock(type);
            case Q4_K, Q5_K -> new AffineSuperBlock(type);
            case Q2_K -> new Q2_K();
            case Q3_K -> new Q3_K();
            case Q6_K -> new Q6_K();
            case IQ4_NL -> new IQ4_NL();
            case IQ4_XS -> new IQ4_XS();
            case MXFP4 -> new MXFP4();
            default -> throw new FerryException("Cannot encode or decode rows of type " + type + ": no kernel for it.");
        };
    }
}
