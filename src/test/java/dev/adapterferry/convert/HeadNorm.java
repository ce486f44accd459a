package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/** Mean and deviation divided out head by head (torch's GroupNorm with a group per head). */
record HeadNorm(double[] weight, double[] bias, double epsilon) {
    double[] of(double[] x, int heads) {
        int size = x.length / heads;
        double[] out = new double[x.length];
        for (int h = 0; h < heads; h++) {
            int from = h * size;
            Norm norm = new Norm(Arrays.copyOfRange(weight, from, from + size), Arrays.copyOfRange(bias, from, from + size));
            System.arraycopy(Arithmetic.layerNorm(Arrays.copyOfRange(x, from, from + size), norm, epsilon), 0, out, from, size);
        }
        return out;
    }
}
