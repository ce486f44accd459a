package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongUnaryOperator;

/**
 * The transforms that architecture files may name. All before {@code every-column} work on the <em>output dimension</em>: the rows of
 * each matrix, or the elements of a one-dimensional bias, so that a weight and its bias take the same entry.
 *
 * <table>
 * <caption>Names and numbers</caption>
 * <tr><td>{@code permute H}</td><td>rope layout: within each of H heads, row {@code p*d/2+i} goes to {@code 2i+p}</td></tr>
 * <tr><td>{@code permute-heads-of D}</td><td>the same, for as many heads of D rows as there are</td></tr>
 * <tr><td>{@code permute-first H, N}</td><td>the same within the first N rows of each head; the others stay</td></tr>
 * <tr><td>{@code swap A, B}</td><td>the dimension seen as [A, B, rest] becomes [B, A, rest]</td></tr>
 * <tr><td>{@code slice FROM, TO}</td><td>rows FROM (inclusive) to TO (exclusive)</td></tr>
 * <tr><td>{@code half K}</td><td>the first (0) or second (1) half</td></tr>
 * <tr><td>{@code every N, K}</td><td>rows K, K+N, K+2N, ...</td></tr>
 * <tr><td>{@code groups G, P, FROM, TO}</td><td>seen as [G, P, rest]: parts FROM to TO of each group</td></tr>
 * <tr><td>{@code grouped-qkv G, P}</td><td>seen as [G, P, rest]: all queries (the first P-2 parts of each group), then all keys, then all values</td></tr>
 * <tr><td>{@code even-first H, R}</td><td>within each of H heads, of the first R rows those of even number, then those of odd number, then the rest</td></tr>
 * <tr><td>{@code swap-after FROM, A, B}</td><td>the same as {@code swap}, for the rows from FROM on; those before stay</td></tr>
 * <tr><td>{@code of-each G, FROM, TO}</td><td>seen as [G, rest]: rows FROM to TO of each group</td></tr>
 * <tr><td>{@code parts-together G, A, B, C}</td><td>seen as [G, parts of A, B, C rows and more]: the first parts of all groups, then all second, then all third ones</td></tr>
 * <tr><td>{@code ternary}</td><td>each element rounded to minus, nought or plus the mean magnitude of all</td></tr>
 * <tr><td>{@code exchange N, A, B}</td><td>all rows seen as N equal parts: parts A and B change places</td></tr>
 * <tr><td>{@code every-column N, K}</td><td>the same as {@code every}, along the last dimension (biases of packed experts)</td></tr>
 * <tr><td>{@code swap-columns A, B}</td><td>the same as {@code swap}, along the last dimension</td></tr>
 * <tr><td>{@code matrices G}</td><td>the rows of one matrix as G matrices of equal size</td></tr>
 * <tr><td>{@code as-rows G}</td><td>the elements of a vector as G rows of equal length</td></tr>
 * <tr><td>{@code transpose}</td><td>the last two dimensions swapped</td></tr>
 * <tr><td>{@code squeeze}</td><td>dimensions of size one dropped, but the last</td></tr>
 * <tr><td>{@code pad-rows N}</td><td>rows of zeros behind the matrix's own, until there are N; more than N stay</td></tr>
 * <tr><td>{@code flatten}</td><td>one dimension</td></tr>
 * <tr><td>{@code unit-rows K}</td><td>each row scaled to a length of one, unless K is 0</td></tr>
 * <tr><td>{@code scale X}</td><td>each element times X</td></tr>
 * <tr><td>{@code scale-rows FROM, TO, X}</td><td>the elements of rows FROM to TO of a matrix times X</td></tr>
 * <tr><td>{@code unit-columns K}</td><td>each column scaled to a length of one, unless K is 0</td></tr>
 * <tr><td>{@code plus X}</td><td>X added to each element</td></tr>
 * <tr><td>{@code plus-one}</td><td>1 added to each element</td></tr>
 * <tr><td>{@code minus-exp}</td><td>each element x becomes -exp(x)</td></tr>
 * </table>
 */
public final class Transforms {
    private static final Map<String, Integer> ARGUMENTS = Map.ofEntries(
            Map.entry("permute", 1), Map.entry("permute-first", 2), Map.entry("permute-heads-of", 1), Map.entry("swap", 2), Map.entry("slice", 2), Map.entry("half", 1), Map.entry("every", 2), Map.entry("groups", 4),
            Map.entry("grouped-qkv", 2), Map.entry("swap-after", 3), Map.entry("of-each", 3), Map.entry("parts-together", 4), Map.entry("swap-columns", 2), Map.entry("matrices", 1),
            Map.entry("even-first", 2), Map.entry("unit-rows", 1), Map.entry("unit-columns", 1), Map.entry("plus", 1), Map.entry("scale", 1), Map.entry("scale-rows", 3), Map.entry("as-rows", 1), Map.entry("flatten", 0), Map.entry("pad-rows", 1),
            Map.entry("exchange", 3), Map.entry("ternary", 0), Map.entry("every-column", 2), Map.entry("transpose", 0), Map.entry("squeeze", 0), Map.entry("plus-one", 0), Map.entry("minus-exp", 0));

    private final Bands bands = new Bands();

    /** Transforms whose views share what they keep: one for all tensors of a model. */
    public Transforms() { }

    /**
     * How many numbers a transform takes.
     *
     * @param name its name
     * @return the count, or -1 when there is no such transform
     */
    public static int arguments(String name) {
        return ARGUMENTS.getOrDefault(name, -1);
    }

    /**
     * Lays a transform over a tensor.
     *
     * @param name name of the transform
     * @param n    its numbers, as many as {@link #arguments} says
     * @param in   the tensor
     * @return the transformed tensor, nothing read yet
     * @throws IllegalArgumentException when the shape does not allow it; the message says what was expected
     */
    public TensorView apply(String name, long[] n, TensorView in) {
        return identified(view(name, n, in), name + " " + Arrays.toString(n), in);
    }

    /**
     * The same with numbers that need not be whole: offsets and factors.
     *
     * @throws IllegalArgumentException when the shape does not allow it, or one of the numbers must be whole and is not
     */
    public TensorView apply(String name, double[] n, TensorView in) {
        return switch (name) {
            case "plus" -> {
                float offset = (float) n[0];
                yield identified(new Elementwise(in, x -> x + offset), name + " " + n[0], in);
            }
            case "scale" -> identified(n[0] == 1 ? in : scaled(in, n[0]), name + " " + n[0], in);
            case "scale-rows" -> {
                long[] rows = whole(Arrays.copyOf(n, 2));
                if (rows[0] < 0 || rows[1] < rows[0] || rows[1] > in.rows()) {
                    throw new IllegalArgumentException("rows " + rows[0] + " to " + rows[1] + " of " + in.rows());
                }
                yield identified(n[2] == 1 ? in : new ScaledRows(in, rows[0], rows[1], (float) n[2]), name + " " + Arrays.toString(n), in);
            }
            default -> apply(name, whole(n), in);
        };
    }

    private static long[] whole(double[] numbers) {
        return Arrays.stream(numbers).mapToLong(x -> {
            if (x != Math.rint(x) || Math.abs(x) > Long.MAX_VALUE) {
                throw new IllegalArgumentException("a whole number is needed, not " + x);
            }
            return (long) x;
        }).toArray();
    }

    private static TensorView scaled(TensorView in, double factor) {
        float single = (float) factor;
        return new Elementwise(in, x -> x * single);
    }

    private static TensorView identified(TensorView out, String step, TensorView in) {
        return in.identity().isEmpty() || out == in ? out : new Identified(out, in.identity().get() + " > " + step);
    }

    /** A view that knows what it is made from. */
    private record Identified(TensorView view, String name) implements TensorView {
        @Override
        public TensorType type() {
            return view.type();
        }

        @Override
        public List<Long> shape() {
            return view.shape();
        }

        @Override
        public Optional<String> identity() {
            return Optional.of(name);
        }

        @Override
        public void read(long firstRow, int rows, float[] into, int offset) {
            view.read(firstRow, rows, into, offset);
        }
    }

    private TensorView view(String name, long[] n, TensorView in) {
        return switch (name) {
            case "permute" -> permute(in, n[0], part(in, n[0]));
            case "permute-first" -> permute(in, n[0], n[1]);
            case "permute-heads-of" -> permute(in, equal(size(in), n[0]), n[0]);
            case "swap" -> swapAfter(in, 0, n[0], n[1]);
            case "swap-after" -> swapAfter(in, n[0], n[1], n[2]);
            case "slice" -> slice(in, n[0], n[1]);
            case "half" -> {
                long half = part(in, 2);
                yield slice(in, n[0] * half, (n[0] + 1) * half);
            }
            case "every" -> gather(in, part(in, n[0]), row -> row * n[0] + n[1]);
            case "groups" -> {
                long rest = part(in, n[0] * n[1]);
                long taken = n[3] - n[2];
                yield gather(in, n[0] * taken * rest, row -> (row / (taken * rest) * n[1] + n[2]) * rest + row % (taken * rest));
            }
            case "grouped-qkv" -> {
                long rest = part(in, n[0] * n[1]);
                long queries = n[0] * (n[1] - 2);
                yield gather(in, size(in), row -> {
                    long block = row / rest;
                    long source = block < queries ? block / (n[1] - 2) * n[1] + block % (n[1] - 2)
                            : (block - queries) % n[0] * n[1] + n[1] - 2 + (block - queries) / n[0];
                    return source * rest + row % rest;
                });
            }
            case "of-each" -> {
                long group = part(in, n[0]);
                if (n[1] < 0 || n[2] < n[1] || n[2] > group) {
                    throw new IllegalArgumentException("rows " + n[1] + " to " + n[2] + " of groups of " + group);
                }
                long taken = n[2] - n[1];
                yield gather(in, n[0] * taken, row -> row / taken * group + n[1] + row % taken);
            }
            case "even-first" -> evenFirst(in, n[0], n[1]);
            case "parts-together" -> partsTogether(in, n[0], Arrays.copyOfRange(n, 1, n.length));
            case "ternary" -> new Ternary(in);
            case "exchange" -> {
                long each = equal(in.rows(), n[0]);
                yield new RowGather(in, in.shape(), row -> row / each == n[1] ? row + (n[2] - n[1]) * each : row / each == n[2] ? row - (n[2] - n[1]) * each : row);
            }
            case "swap-columns" -> {
                LongUnaryOperator source = swapped(n[0], n[1], equal(in.rowLength(), n[0] * n[1]));
                yield new ColumnGather(in, in.rowLength(), column -> (int) source.applyAsLong(column));
            }
            case "matrices" -> {
                List<Long> shape = new ArrayList<>(in.shape());
                shape.set(in.rank() - 2, part(in, n[0]));
                shape.add(in.rank() - 2, n[0]);
                yield new Reshaped(in, List.copyOf(shape));
            }
            case "as-rows" -> new VectorRows(in, List.of(n[0], equal(in.rowLength(), n[0])));
            case "every-column" -> new ColumnGather(in, Math.toIntExact(in.rowLength() / n[0]), column -> (int) (column * n[0] + n[1]));
            case "transpose" -> new Transposed(in, bands);
            case "squeeze" -> Reshaped.squeezed(in);
            case "pad-rows" -> in.rows() >= n[0] ? in : new PaddedRows(in, n[0]);
            case "flatten" -> new Flattened(in);
            case "unit-rows" -> n[0] == 0 ? in : new UnitRows(in);
            case "unit-columns" -> n[0] == 0 ? in : new UnitColumns(in);
            case "plus-one" -> Elementwise.plusOne(in);
            case "minus-exp" -> new Elementwise(in, x -> (float) -Math.exp(x));
            default -> throw new IllegalArgumentException("no transform '" + name + "'");
        };
    }

    private static TensorView permute(TensorView in, long heads, long turned) {
        long head = part(in, heads);
        if (turned % 2 != 0 || turned > head) {
            throw new IllegalArgumentException(turned + " rows of heads of " + head + " cannot be halved for the rope layout");
        }
        return gather(in, size(in), row -> {
            long within = row % head;
            return within < turned ? row - within + within % 2 * (turned / 2) + within / 2 : row;
        });
    }

    private static TensorView evenFirst(TensorView in, long heads, long turned) {
        long head = part(in, heads);
        if (turned < 0 || turned > head || turned % 2 != 0) {
            throw new IllegalArgumentException(turned + " rows of heads of " + head + " cannot be halved for the rope layout");
        }
        return turned == 0 ? in : gather(in, size(in), row -> {
            long within = row % head;
            return within >= turned ? row : row - within + within % (turned / 2) * 2 + within / (turned / 2);
        });
    }

    /** Where an element of a dimension [B, A, rest] stood when it was [A, B, rest]. */
    private static LongUnaryOperator swapped(long a, long b, long rest) {
        return row -> (row / rest % a * b + row / rest / a) * rest + row % rest;
    }

    private static TensorView swapAfter(TensorView in, long from, long a, long b) {
        if (from < 0 || from > size(in)) {
            throw new IllegalArgumentException("rows from " + from + " on of a dimension of " + size(in));
        }
        LongUnaryOperator source = swapped(a, b, equal(size(in) - from, a * b));
        return a == 1 || b == 1 ? in : gather(in, size(in), row -> row < from ? row : from + source.applyAsLong(row - from));
    }

    private static TensorView partsTogether(TensorView in, long groups, long[] parts) {
        long group = part(in, groups);
        long taken = Arrays.stream(parts).sum();
        if (taken > group) {
            throw new IllegalArgumentException("groups of " + group + " rows have no parts of " + Arrays.toString(parts));
        }
        return gather(in, groups * taken, row -> {
            long within = 0;
            long rest = row;
            for (long part : parts) {
                if (rest < groups * part) {
                    return rest / part * group + within + rest % part;
                }
                rest -= groups * part;
                within += part;
            }
            throw new IndexOutOfBoundsException("row " + row);
        });
    }

    private static TensorView slice(TensorView in, long from, long to) {
        if (from < 0 || to < from || to > size(in)) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of a dimension of " + size(in));
        }
        return from == 0 && to == size(in) ? in : gather(in, to - from, row -> row + from);
    }

    /** The size of the output dimension. */
    private static long size(TensorView in) {
        return in.shape().get(Math.max(0, in.rank() - 2));
    }

    private static long part(TensorView in, long parts) {
        return equal(size(in), parts);
    }

    private static long equal(long size, long parts) {
        if (parts <= 0 || size % parts != 0) {
            throw new IllegalArgumentException("a dimension of " + size + " cannot be split into " + parts + " equal parts");
        }
        return size / parts;
    }

    private static TensorView gather(TensorView in, long outputs, LongUnaryOperator source) {
        if (in.rank() == 1) {
            return new ColumnGather(in, Math.toIntExact(outputs), column -> (int) source.applyAsLong(column));
        }
        long inputs = size(in);
        List<Long> shape = new ArrayList<>(in.shape());
        shape.set(shape.size() - 2, outputs);
        return new RowGather(in, shape, row -> row / outputs * inputs + source.applyAsLong(row % outputs));
    }
}
