package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.function.UnaryOperator;

/** Sums and products in double arithmetic, one loop each; what all parts of the tests' forward passes are made of. */
final class Arithmetic {
    private Arithmetic() { }

    /** A function of every row. */
    static double[][] each(double[][] rows, UnaryOperator<double[]> function) {
        double[][] out = new double[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            out[i] = function.apply(rows[i]);
        }
        return out;
    }

    /** The matrix times the vector, plus the bias where there is one. */
    static double[] times(Linear linear, double[] x) {
        double[] out = new double[linear.weight().length];
        for (int o = 0; o < out.length; o++) {
            out[o] = linear.bias() == null ? 0 : linear.bias()[o];
            for (int i = 0; i < x.length; i++) {
                out[o] += linear.weight()[o][i] * x[i];
            }
        }
        return out;
    }

    /** {@code a + scale * b}. */
    static double[] plus(double[] a, double[] b, double scale) {
        double[] out = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            out[i] = a[i] + scale * b[i];
        }
        return out;
    }

    static double[] scaled(double[] x, double scale) {
        return plus(new double[x.length], x, scale);
    }

    /** Element by element. */
    static double[] product(double[] a, double[] b) {
        double[] out = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            out[i] = a[i] * b[i];
        }
        return out;
    }

    /** In place. */
    static void softmax(double[] x) {
        double max = Double.NEGATIVE_INFINITY;
        for (double value : x) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            x[i] = Math.exp(x[i] - max);
            sum += x[i];
        }
        for (int i = 0; i < x.length; i++) {
            x[i] /= sum;
        }
    }

    /** The root mean square divided out, then the weights; x itself when there is no norm. */
    static double[] rms(double[] x, Norm norm, double epsilon) {
        return norm == null ? x : normed(x, norm, epsilon, 0);
    }

    /** Mean and deviation divided out, then weights and bias; x itself when there is no norm. */
    static double[] layerNorm(double[] x, Norm norm, double epsilon) {
        double mean = 0;
        for (double value : x) {
            mean += value / x.length;
        }
        return norm == null ? x : normed(x, norm, epsilon, mean);
    }

    private static double[] normed(double[] x, Norm norm, double epsilon, double mean) {
        double square = 0;
        for (double value : x) {
            square += (value - mean) * (value - mean) / x.length;
        }
        double scale = 1 / Math.sqrt(square + epsilon);
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = (x[i] - mean) * scale * (norm.weight() == null ? 1 : norm.weight()[i]) + (norm.bias() == null ? 0 : norm.bias()[i]);
        }
        return out;
    }

    static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    static double silu(double x) {
        return x * sigmoid(x);
    }

    /** x times the share of a normal distribution that lies below x. */
    static double exactGelu(double x) {
        double z = Math.abs(x) / Math.sqrt(2);
        // erf as a series without cancellation; beyond 6 it is 1 in double arithmetic.
        double term = z;
        double sum = 0;
        for (int n = 1; z < 6 && sum + term != sum; n++) {
            sum += term;
            term *= 2 * z * z / (2 * n + 1);
        }
        double erf = z < 6 ? 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum : 1;
        return 0.5 * x * (1 + Math.signum(x) * erf);
    }

    /** GELU of the nearest F16, rounded to F16: llama.cpp looks it up in a table on the CPU. */
    static double tableGelu(double x) {
        return half(gelu(half(x)));
    }

    private static double half(double x) {
        return Float.float16ToFloat(Float.floatToFloat16((float) x));
    }

    /** The approximation of GELU by tanh. */
    static double gelu(double x) {
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }
}
