package dev.adapterferry.tensor;

import dev.adapterferry.failure.MalformedFile;
import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the pickle inside a file of {@code torch.save} and can build nothing but tensors: a pickle is a program, and this machine knows
 * only the instructions for texts, numbers, lists and dictionaries, and of everything that a program may ask for by name only a tensor, its
 * storage, and an ordered dictionary. Anything else is refused by its name. Source: Python's {@code pickletools}, PyTorch's
 * {@code torch/serialization.py} and {@code torch/_utils.py}.
 */
final class TensorPickle {
    private static final Map<String, ElementType> STORAGES = Map.of("torch.FloatStorage", ElementType.F32, "torch.HalfStorage", ElementType.F16,
            "torch.BFloat16Storage", ElementType.BF16, "torch.DoubleStorage", ElementType.F64, "torch.LongStorage", ElementType.I64, "torch.IntStorage", ElementType.I32,
            "torch.ShortStorage", ElementType.I16, "torch.CharStorage", ElementType.I8, "torch.ByteStorage", ElementType.U8, "torch.BoolStorage", ElementType.BOOL);
    /** What helps with a pickle that is not read. */
    static final String ADVICE = "Save the adapter again as safetensors";
    private static final String DICTIONARY = "collections.OrderedDict";
    private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
    private static final String PARAMETER = "torch._utils._rebuild_parameter";
    private static final int MOST_VALUES = 4_000_000;
    private static final Object NONE = new Object();
    private static final Object MARK = new Object();

    /** Something that the program asks for by name. */
    private record Named(String name) { }

    /** Bytes of a tensor: an entry of the archive. */
    record Storage(ElementType type, String key, long elements) { }

    /** A tensor on a storage; offset and strides in elements. */
    record Stored(Storage storage, long offset, List<Long> shape, List<Long> strides) { }

    private final Path file;
    private final ByteBuffer in;
    private final Deque<Object> stack = new ArrayDeque<>();
    private final Map<Long, Object> memo = new HashMap<>();
    private int values;

    private TensorPickle(Path file, byte[] program) {
        this.file = file;
        this.in = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Runs a program.
     *
     * @param file    for messages
     * @param program the pickle
     * @return tensors by name, in order
     * @throws MalformedFile when it does or holds anything else
     */
    static Map<String, Stored> read(Path file, byte[] program) {
        TensorPickle pickle = new TensorPickle(file, program);
        try {
            while (pickle.step()) {
                if (++pickle.values > MOST_VALUES) {
                    throw pickle.defect("it does not end");
                }
            }
            return pickle.tensors(pickle.pop());
        } catch (BufferUnderflowException e) {
            throw pickle.defect("it ends in the middle");
        } catch (ClassCastException e) {
            throw pickle.defect("an instruction finds a value of another kind than it needs");
        }
    }

    private Map<String, Stored> tensors(Object result) {
        Map<String, Stored> tensors = new LinkedHashMap<>();
        if (!(result instanceof Map<?, ?> map)) {
            throw defect("it holds something other than a dictionary of tensors");
        }
        map.forEach((key, value) -> {
            if (!(key instanceof String name) || !(value instanceof Stored stored)) {
                throw defect("it holds something other than tensors by name: '" + PrintableName.of(String.valueOf(key)) + "'");
            }
            tensors.put(name, stored);
        });
        return tensors;
    }

    /** One instruction; false at the end. */
    private boolean step() {
        int code = in.get() & 0xFF;
        switch (code) {
            case 0x80 -> require(in.get() <= 5, "a pickle protocol up to 5");
            case 0x95 -> in.getLong();
            case '(' -> stack.push(MARK);
            case '}' -> stack.push(new LinkedHashMap<>());
            case ']' -> stack.push(new ArrayList<>());
            case ')' -> stack.push(List.of());
            case 'N' -> stack.push(NONE);
            case 0x88 -> stack.push(true);
            case 0x89 -> stack.push(false);
            case 'K' -> stack.push((long) (in.get() & 0xFF));
            case 'M' -> stack.push((long) (in.getShort() & 0xFFFF));
            case 'J' -> stack.push((long) in.getInt());
            case 0x8A -> stack.push(integer(in.get() & 0xFF));
            case 'G' -> stack.push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
            case 'X' -> stack.push(text(in.getInt()));
            case 0x8C -> stack.push(text(in.get() & 0xFF));
            case 0x85, 0x86, 0x87 -> stack.push(last(code - 0x84));
            case 't' -> stack.push(toMark());
            case 'q' -> memo.put((long) (in.get() & 0xFF), top());
            case 'r' -> memo.put(in.getInt() & 0xFFFFFFFFL, top());
            case 0x94 -> memo.put((long) memo.size(), top());
            case 'h' -> stack.push(kept(in.get() & 0xFF));
            case 'j' -> stack.push(kept(in.getInt() & 0xFFFFFFFFL));
            case 'c' -> stack.push(named(line(), line()));
            case 0x93 -> {
                String name = (String) pop();
                stack.push(named((String) pop(), name));
            }
            case 'Q' -> stack.push(storage((List<?>) pop()));
            case 'R' -> {
                List<?> arguments = (List<?>) pop();
                stack.push(build(((Named) pop()).name(), arguments));
            }
            case 's' -> put(last(2));
            case 'u' -> put(toMark());
            case 'a' -> add(last(1));
            case 'e' -> add(toMark());
            // What a dictionary carries beside its entries (the versions of modules) says nothing about tensors.
            case 'b' -> pop();
            case '.' -> {
                return false;
            }
            default -> throw new MalformedFile(file, -1, "its pickle has the instruction 0x%02x at %d, which no saved adapter needs".formatted(code, in.position() - 1), ADVICE);
        }
        return true;
    }

    private Object build(String name, List<?> arguments) {
        switch (name) {
            case DICTIONARY -> {
                require(arguments.isEmpty(), "an empty ordered dictionary");
                return new LinkedHashMap<>();
            }
            case PARAMETER -> {
                require(!arguments.isEmpty() && arguments.getFirst() instanceof Stored, "a tensor as parameter");
                return arguments.getFirst();
            }
            case TENSOR -> {
                require(arguments.size() >= 4, "storage, offset, size and strides of a tensor");
                List<Long> shape = longs((List<?>) arguments.get(2));
                List<Long> strides = longs((List<?>) arguments.get(3));
                require(shape.size() == strides.size() && shape.size() <= 8, "as many strides as dimensions, at most 8");
                return new Stored((Storage) arguments.get(0), (Long) arguments.get(1), shape, strides);
            }
            default -> throw defect("it calls " + PrintableName.of(name));
        }
    }

    private Named named(String module, String name) {
        String full = module + "." + name;
        if (!full.equals(DICTIONARY) && !full.equals(TENSOR) && !full.equals(PARAMETER) && !STORAGES.containsKey(full)) {
            throw defect("it asks for '" + PrintableName.of(full) + "', which is no tensor. A pickle may run any program; this one is not run. Save the adapter as safetensors");
        }
        return new Named(full);
    }

    /** {@code ('storage', kind, key, place, elements)}. */
    private Storage storage(List<?> id) {
        require(id.size() == 5 && "storage".equals(id.getFirst()) && id.get(1) instanceof Named && id.get(2) instanceof String && id.get(4) instanceof Long, "a storage");
        ElementType type = STORAGES.get(((Named) id.get(1)).name());
        require(type != null && (Long) id.get(4) >= 0, "a storage of a known type");
        return new Storage(type, (String) id.get(2), (Long) id.get(4));
    }

    private List<Long> longs(List<?> values) {
        values.forEach(value -> require(value instanceof Long number && number >= 0, "sizes from 0"));
        return values.stream().map(Long.class::cast).toList();
    }

    private void put(List<Object> pairs) {
        @SuppressWarnings("unchecked")
        Map<Object, Object> map = (Map<Object, Object>) top();
        require(pairs.size() % 2 == 0, "a value for each key");
        for (int i = 0; i < pairs.size(); i += 2) {
            require(pairs.get(i) instanceof String, "texts as keys");
            require(map.put(pairs.get(i), pairs.get(i + 1)) == null, "'" + PrintableName.of((String) pairs.get(i)) + "' only once");
        }
    }

    @SuppressWarnings("unchecked")
    private void add(List<Object> items) {
        ((ArrayList<Object>) top()).addAll(items);
    }

    private List<Object> last(int count) {
        List<Object> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            items.addFirst(pop());
        }
        return items;
    }

    private List<Object> toMark() {
        List<Object> items = new ArrayList<>();
        for (Object item = popAny(); item != MARK; item = popAny()) {
            items.add(item);
        }
        return items.reversed();
    }

    private Object pop() {
        Object value = popAny();
        require(value != MARK, "a value");
        return value;
    }

    private Object popAny() {
        require(!stack.isEmpty(), "a value");
        return stack.pop();
    }

    private Object top() {
        require(!stack.isEmpty() && stack.peek() != MARK, "a value");
        return stack.peek();
    }

    private Object kept(long place) {
        require(memo.containsKey(place), "a value kept before");
        return memo.get(place);
    }

    private long integer(int length) {
        require(length <= in.remaining(), "an integer");
        byte[] bytes = new byte[length];
        for (int i = length - 1; i >= 0; i--) {
            bytes[i] = in.get();
        }
        BigInteger value = length == 0 ? BigInteger.ZERO : new BigInteger(bytes);
        require(value.bitLength() < Long.SIZE, "an integer of 64 bits");
        return value.longValue();
    }

    private String text(int length) {
        require(length >= 0 && length <= in.remaining(), "a text");
        byte[] bytes = new byte[length];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private String line() {
        StringBuilder line = new StringBuilder();
        for (byte b = in.get(); b != '\n'; b = in.get()) {
            line.append((char) (b & 0xFF));
        }
        return line.toString();
    }

    private void require(boolean holds, String expected) {
        if (!holds) {
            throw defect("expected " + expected);
        }
    }

    private MalformedFile defect(String what) {
        return new MalformedFile(file, -1, "its pickle is refused at " + in.position() + ": " + what, ADVICE);
    }
}
