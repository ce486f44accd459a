package dev.adapterferry.settings;

/** The quantizations that can be made, under llama.cpp's names. */
public enum Format implements Spelled {
    F32, F16, BF16, Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q5_1, Q5_0, Q4_K_M, Q4_K_S, Q4_1, Q4_0, IQ4_NL, IQ4_XS, MXFP4_MOE, Q3_K_L, Q3_K_M, Q3_K_S, Q2_K;

    @Override
    public String text() {
        return name();
    }
}
