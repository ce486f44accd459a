package dev.adapterferry.quant;

import dev.adapterferry.failure.SettingsException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The formats a user can ask for. A mix has a base type for most tensors; {@link MixRules} says which tensors get
 * more bits. Numbers and base types are llama.cpp's {@code llama_ftype}.
 */
public enum Mix {
    F32(0, GgmlType.F32),
    F16(1, GgmlType.F16),
    BF16(32, GgmlType.BF16),
    Q4_0(2, GgmlType.Q4_0),
    Q4_1(3, GgmlType.Q4_1),
    Q5_0(8, GgmlType.Q5_0),
    Q5_1(9, GgmlType.Q5_1),
    Q8_0(7, GgmlType.Q8_0),
    Q2_K(10, GgmlType.Q2_K),
    Q3_K_S(11, GgmlType.Q3_K),
    Q3_K_M(12, GgmlType.Q3_K),
    Q3_K_L(13, GgmlType.Q3_K),
    Q4_K_S(14, GgmlType.Q4_K),
    Q4_K_M(15, GgmlType.Q4_K),
    Q5_K_S(16, GgmlType.Q5_K),
    Q5_K_M(17, GgmlType.Q5_K),
    Q6_K(18, GgmlType.Q6_K),
    IQ4_NL(25, GgmlType.IQ4_NL),
    IQ4_XS(30, GgmlType.IQ4_XS),
    /** Stacks of experts in MXFP4, everything else in Q8_0: gpt-oss as it is released. */
    MXFP4_MOE(38, GgmlType.MXFP4);

    private final int fileType;
    private final GgmlType baseType;

    Mix(int fileType, GgmlType baseType) {
        this.fileType = fileType;
        this.baseType = baseType;
    }

    /** The name in file names and settings, for example {@code Q4_K_M}. */
    public String label() {
        return name();
    }

    /** The value of the GGUF key {@code general.file_type}. */
    public int fileType() {
        return fileType;
    }

    /** The type of every tensor that no rule treats differently; of {@link #MXFP4_MOE} that of its experts. */
    public GgmlType baseType() {
        return baseType;
    }

    /**
     * The mix of a name, in any case. {@code Q3_K}, {@code Q4_K} and {@code Q5_K} mean their M mix, as in llama.cpp.
     *
     * @param label for example {@code q4_k_m}
     * @throws SettingsException naming all mixes when there is none of that name
     */
    public static Mix parse(String label) {
        String wanted = label.strip().toUpperCase(Locale.ROOT).replace('-', '_');
        for (Mix mix : values()) {
            if (mix.name().equals(wanted) || mix.name().equals(wanted + "_M")) {
                return mix;
            }
        }
        throw new SettingsException("Unknown format '" + label + "'; known are "
                + Arrays.stream(values()).map(Mix::label).collect(Collectors.joining(", ")) + ".");
    }
}
