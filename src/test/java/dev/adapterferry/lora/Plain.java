package dev.adapterferry.lora;

/** Matrices in double precision, by the definitions: the tests' own arithmetic, which shares nothing with the code under test. */
final class Plain {
    private Plain() { }

    static double[][] of(TinyFiles.Stored stored) {
        int cols = (int) stored.info().rowLength();
        double[][] m = new double[(int) stored.info().rows()][cols];
        for (int i = 0; i < m.length; i++) {
            for (int j = 0; j < cols; j++) {
                m[i][j] = stored.values()[i * cols + j];
            }
        }
        return m;
    }

    static double[][] times(double[][] a, double[][] b) {
        double[][] c = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < b[0].length; j++) {
                for (int k = 0; k < b.length; k++) {
                    c[i][j] += a[i][k] * b[k][j];
                }
            }
        }
        return c;
    }

    static double[][] transpose(double[][] a) {
        double[][] t = new double[a[0].length][a.length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < a[0].length; j++) {
                t[j][i] = a[i][j];
            }
        }
        return t;
    }

    /** {@code a + s·b}. */
    static double[][] plus(double[][] a, double s, double[][] b) {
        double[][] c = new double[a.length][a[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < a[0].length; j++) {
                c[i][j] = a[i][j] + s * b[i][j];
            }
        }
        return c;
    }

    /** Every row brought to its length. */
    static double[][] withRowLengths(double[][] v, float[] lengths) {
        double[][] c = new double[v.length][];
        for (int i = 0; i < v.length; i++) {
            double squares = 0;
            for (double x : v[i]) {
                squares += x * x;
            }
            c[i] = v[i].clone();
            for (int j = 0; j < c[i].length; j++) {
                c[i][j] *= lengths[i] / Math.sqrt(squares);
            }
        }
        return c;
    }

    /** The top-r part of the SVD, by one-sided Jacobi rotations of the columns. */
    static double[][] principal(double[][] w, int rank) {
        boolean flip = w.length < w[0].length;
        double[][] u = transpose(flip ? transpose(w) : w);
        int n = u.length;
        double[][] v = new double[n][n];
        for (int i = 0; i < n; i++) {
            v[i][i] = 1;
        }
        for (int sweep = 0; sweep < 60; sweep++) {
            for (int p = 0; p < n; p++) {
                for (int q = p + 1; q < n; q++) {
                    double a = dot(u[p], u[p]);
                    double b = dot(u[q], u[q]);
                    double c = dot(u[p], u[q]);
                    if (Math.abs(c) > 1e-300) {
                        double zeta = (b - a) / (2 * c);
                        double t = Math.signum(zeta == 0 ? 1 : zeta) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
                        double cos = 1 / Math.sqrt(1 + t * t);
                        rotate(u[p], u[q], cos, cos * t);
                        rotate(v[p], v[q], cos, cos * t);
                    }
                }
            }
        }
        Integer[] order = new Integer[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        java.util.Arrays.sort(order, (x, y) -> Double.compare(dot(u[y], u[y]), dot(u[x], u[x])));
        double[][] part = new double[u[0].length][n];
        for (int k = 0; k < rank; k++) {
            for (int i = 0; i < part.length; i++) {
                for (int j = 0; j < n; j++) {
                    part[i][j] += u[order[k]][i] * v[order[k]][j];
                }
            }
        }
        return flip ? transpose(part) : part;
    }

    /** Orthonormal columns spanning the first columns, by Gram and Schmidt. */
    static double[][] orthonormal(double[][] w, int rank) {
        double[][] columns = transpose(w);
        double[][] q = new double[rank][];
        for (int k = 0; k < rank; k++) {
            q[k] = columns[k].clone();
            for (int pass = 0; pass < 2; pass++) {
                for (int l = 0; l < k; l++) {
                    double c = dot(q[k], q[l]);
                    for (int i = 0; i < q[k].length; i++) {
                        q[k][i] -= c * q[l][i];
                    }
                }
            }
            double norm = Math.sqrt(dot(q[k], q[k]));
            for (int i = 0; i < q[k].length; i++) {
                q[k][i] /= norm;
            }
        }
        return transpose(q);
    }

    private static void rotate(double[] x, double[] y, double cos, double sin) {
        for (int i = 0; i < x.length; i++) {
            double a = x[i];
            x[i] = cos * a - sin * y[i];
            y[i] = sin * a + cos * y[i];
        }
    }

    static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }
}
