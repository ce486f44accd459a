package dev.adapterferry.lora;

/**
 * How the two factors of a delta lie in the file, and how they stand to the weight. Each layout says it twice: as strides, from which
 * row blocks are multiplied, and as the textbook's sum over the rank, against which the written result is checked.
 *
 * <p>{@code r} is the rank, {@code E} the number of experts, {@code e} one of them.
 */
enum FactorLayout {
    /** Weight {@code (out, in)}, A {@code (r, in)}, B {@code (out, r)}: {@code B·A}. */
    LINEAR {
        @Override
        Factor left(Shape s) {
            return new Factor(false, 0, s.bCols, 1);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(true, 0, s.aCols, 1);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) b[i * s.rank + k] * a[k * s.aCols + j];
        }
    },

    /** Weight {@code (in, out)} (fan_in_fan_out, embeddings {@code (vocab, dim)}), A {@code (r, in)}, B {@code (out, r)}: {@code (B·A)ᵀ}. */
    TRANSPOSED {
        @Override
        Factor left(Shape s) {
            return new Factor(true, 0, 1, s.aCols);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(false, 0, 1, s.bCols);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) b[j * s.rank + k] * a[k * s.aCols + i];
        }
    },

    /** Weight {@code (E, out, in)}, A {@code (E·r, in)} grouped by expert, B {@code (out, r·E)} with the expert running fastest. */
    EXPERTS {
        @Override
        Factor left(Shape s) {
            return new Factor(false, s.expert, s.bCols, s.experts);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(true, s.expert * s.rank * s.aCols, s.aCols, 1);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) b[i * s.rank * s.experts + k * s.experts + s.expert] * a[(s.expert * s.rank + k) * s.aCols + j];
        }
    },

    /** As {@link #EXPERTS}, but the weight is {@code (E, in, out)}. */
    EXPERTS_TRANSPOSED {
        @Override
        Factor left(Shape s) {
            return new Factor(true, s.expert * s.rank * s.aCols, 1, s.aCols);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(false, s.expert, s.experts, s.bCols);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) b[j * s.rank * s.experts + k * s.experts + s.expert] * a[(s.expert * s.rank + k) * s.aCols + i];
        }
    },

    /** mlx-lm: weight {@code (out, in)}, a {@code (in, r)}, b {@code (r, out)}: {@code (a·b)ᵀ}. */
    MLX_LINEAR {
        @Override
        Factor left(Shape s) {
            return new Factor(false, 0, 1, s.bCols);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(true, 0, 1, s.aCols);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) a[j * s.rank + k] * b[k * s.bCols + i];
        }
    },

    /** mlx-lm: weight {@code (vocab, dim)}, a {@code (vocab, r)}, b {@code (r, dim)}: {@code a·b}. */
    MLX_EMBEDDING {
        @Override
        Factor left(Shape s) {
            return new Factor(true, 0, s.aCols, 1);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(false, 0, s.bCols, 1);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) a[i * s.rank + k] * b[k * s.bCols + j];
        }
    },

    /** mlx-lm: weight {@code (E, out, in)}, a {@code (E, r, in)}, b {@code (E, out, r)}: {@code b·a} per expert. */
    MLX_EXPERTS {
        @Override
        Factor left(Shape s) {
            return new Factor(false, s.expert * s.bRowsPerExpert * s.bCols, s.bCols, 1);
        }

        @Override
        Factor right(Shape s) {
            return new Factor(true, s.expert * s.rank * s.aCols, s.aCols, 1);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return (double) b[(s.expert * s.bRowsPerExpert + i) * s.rank + k] * a[(s.expert * s.rank + k) * s.aCols + j];
        }
    },

    /** A bias of its own ({@code lora_bias}), seen as one row: the left factor is 1. */
    BIAS {
        @Override
        Factor left(Shape s) {
            return Factor.ONE;
        }

        @Override
        Factor right(Shape s) {
            return new Factor(false, 0, s.bCols, 1);
        }

        @Override
        double term(float[] a, float[] b, Shape s, int i, int j, int k) {
            return b[j];
        }
    };

    /** The left factor, {@code rows × r}, one row per row of the weight. */
    abstract Factor left(Shape s);

    /** The right factor, {@code r × columns}. */
    abstract Factor right(Shape s);

    /** One summand of the delta's element in row i, column j. */
    abstract double term(float[] a, float[] b, Shape s, int i, int j, int k);

    /**
     * A matrix as a view of a stored tensor: element (i, j) is {@code values[start + i * rowStride + j * colStride]}.
     *
     * @param ofA whether the tensor is A; else B
     */
    record Factor(boolean ofA, int start, int rowStride, int colStride) {
        /** A factor of ones, which no tensor holds. */
        static final Factor ONE = new Factor(false, -1, 0, 0);
    }

    /**
     * The sizes that strides are made of.
     *
     * @param rank           r
     * @param experts        E, or 1
     * @param expert         e, from 0
     * @param aCols          elements per row of A
     * @param bCols          elements per row of B
     * @param bRowsPerExpert rows of B that belong to one expert, where B is grouped by expert
     */
    record Shape(int rank, int experts, int expert, int aCols, int bCols, int bRowsPerExpert) { }
}
