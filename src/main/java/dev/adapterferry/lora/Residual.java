package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;

/** What an initialisation took out of the base weight before training began, and what was then rounded to the base's type. */
interface Residual {
    /**
     * Turns rows of the base weight into rows of the weight that was trained on.
     *
     * @param first first row of the block
     * @param rows  rows of the block
     * @param sum   the block in double precision, row after row; changed in place
     * @param type  type that the result is rounded to
     */
    void subtract(long first, int rows, double[] sum, ElementType type);

    /** Rounds values as a weight of a type would keep them. */
    static void round(double[] values, int count, ElementType type) {
        for (int i = 0; i < count; i++) {
            values[i] = type.round((float) values[i]);
        }
    }
}
