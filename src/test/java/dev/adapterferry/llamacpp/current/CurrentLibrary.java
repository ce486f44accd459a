package dev.adapterferry.llamacpp.current;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * The functions of {@code llama.h} and {@code ggml.h} that the tests call, as of release {@value #RELEASE}. Parameter structs are blocks of
 * bytes with the offsets of the fields that are set; each offset is checked against what the library puts there by default.
 */
final class CurrentLibrary {
    static final String RELEASE = "v0.5.0";
    static final int MODEL_PARAMS = 80;
    static final int CONTEXT_PARAMS = 160;
    static final int QUANTIZE_PARAMS = 64;
    static final MemoryLayout BATCH = MemoryLayout.structLayout(JAVA_INT, MemoryLayout.paddingLayout(4), ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);

    private final SymbolLookup llama;
    private final SymbolLookup ggml;
    private final Deque<String> complaints = new ArrayDeque<>();
    private final Deque<String> sizes = new ArrayDeque<>();

    /**
     * Opens the libraries of a folder and the CPU backend that suits this processor.
     *
     * @throws IllegalStateException when they are of another release
     */
    CurrentLibrary(Path folder) {
        ggml = SymbolLookup.libraryLookup(folder.resolve(System.mapLibraryName("ggml-base")), Arena.global());
        SymbolLookup backends = SymbolLookup.libraryLookup(folder.resolve("libggml." + RELEASE + ".so"), Arena.global());
        llama = SymbolLookup.libraryLookup(folder.resolve("libllama." + RELEASE + ".so"), Arena.global());
        run(llama, "llama_log_set", log(), MemorySegment.NULL);
        try (Arena arena = Arena.ofConfined()) {
            run(backends, "ggml_backend_load_all_from_path", arena.allocateFrom(folder.toString()));
            run(llama, "llama_backend_init");
            check(arena);
        }
    }

    /** A call without an answer; arguments are addresses, ints, longs and booleans. */
    void run(String name, Object... arguments) {
        run(llama, name, arguments);
    }

    int callInt(String name, Object... arguments) {
        return (int) call(llama, name, JAVA_INT, arguments);
    }

    boolean callBoolean(String name, Object... arguments) {
        return (boolean) call(llama, name, JAVA_BOOLEAN, arguments);
    }

    MemorySegment callAddress(String name, Object... arguments) {
        return (MemorySegment) call(llama, name, ADDRESS, arguments);
    }

    /** {@code ggml_quantize_chunk}: how many bytes it wrote. */
    long quantizeChunk(int type, MemorySegment values, MemorySegment bytes, long rows, long rowLength, MemorySegment importance) {
        return (long) call(ggml, "ggml_quantize_chunk", JAVA_LONG, type, values, bytes, 0L, rows, rowLength, importance);
    }

    /** {@code ggml_row_size}: bytes of a row. */
    long rowSize(int type, long rowLength) {
        return (long) call(ggml, "ggml_row_size", JAVA_LONG, type, rowLength);
    }

    /** A struct of parameters, filled with the library's defaults. */
    MemorySegment defaults(String function, long size, Arena arena) {
        return (MemorySegment) call(llama, function, struct(size), (SegmentAllocator) (bytes, alignment) -> arena.allocate(size, 8));
    }

    /** A model and a struct, by value: {@code llama_model_load_from_file} and {@code llama_init_from_model}. */
    MemorySegment open(String function, MemorySegment first, MemorySegment params, long size) {
        return (MemorySegment) invoke(llama, function, FunctionDescriptor.of(ADDRESS, ADDRESS, struct(size)), first, params);
    }

    /** {@code llama_decode} or {@code llama_encode}. */
    int compute(String function, MemorySegment context, MemorySegment batch) {
        return (int) invoke(llama, function, FunctionDescriptor.of(JAVA_INT, ADDRESS, BATCH), context, batch);
    }

    /** What the library complained about since the last call of this method. */
    String complaints() {
        synchronized (complaints) {
            String all = String.join(" | ", complaints);
            complaints.clear();
            return all;
        }
    }

    /** What the library told of the buffers that it allocated since the last call of this method, a line each. */
    List<String> sizes() {
        synchronized (complaints) {
            List<String> all = List.copyOf(sizes);
            sizes.clear();
            return all;
        }
    }

    private void check(Arena arena) {
        MemorySegment model = defaults("llama_model_default_params", MODEL_PARAMS, arena);
        MemorySegment context = defaults("llama_context_default_params", CONTEXT_PARAMS, arena);
        MemorySegment quantize = defaults("llama_model_quantize_default_params", QUANTIZE_PARAMS, arena);
        boolean known = model.get(JAVA_INT, 0x10) == -1 && model.get(JAVA_BYTE, 0x48) == 0 && model.get(JAVA_BYTE, 0x4a) == 1
                && context.get(JAVA_INT, 0) == 512 && context.get(JAVA_INT, 4) == 2048 && context.get(JAVA_INT, 8) == 512 && context.get(JAVA_INT, 12) == 1
                && context.get(JAVA_INT, 0x34) == -1 && context.get(JAVA_INT, 0x68) == 1 && context.get(JAVA_INT, 0x6c) == 1 && context.get(JAVA_BYTE, 0x80) == 0
                && context.get(JAVA_BYTE, 0x81) == 1 && context.get(JAVA_BYTE, 0x84) == 1 && quantize.get(JAVA_INT, 4) == 7 && quantize.get(JAVA_INT, 8) == quantize.get(JAVA_INT, 12) && quantize.get(JAVA_BYTE, 0x11) == 1;
        if (!known) {
            throw new IllegalStateException("the parameters of this llama.cpp are not those of " + RELEASE);
        }
    }

    private static MemoryLayout struct(long size) {
        return MemoryLayout.structLayout(MemoryLayout.sequenceLayout(size / 8, JAVA_LONG));
    }

    private static void run(SymbolLookup library, String name, Object... arguments) {
        invoke(library, name, FunctionDescriptor.ofVoid(layouts(arguments)), arguments);
    }

    private static Object call(SymbolLookup library, String name, MemoryLayout result, Object... arguments) {
        return invoke(library, name, FunctionDescriptor.of(result, layouts(arguments)), arguments);
    }

    private static Object invoke(SymbolLookup library, String name, FunctionDescriptor descriptor, Object... arguments) {
        MethodHandle handle = Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(() -> new IllegalStateException("no " + name)), descriptor);
        try {
            return handle.invokeWithArguments(arguments);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(name, e);
        }
    }

    private static MemoryLayout[] layouts(Object... arguments) {
        return Arrays.stream(arguments).filter(argument -> !(argument instanceof SegmentAllocator) || argument instanceof MemorySegment).map(argument -> switch (argument) {
            case Integer i -> JAVA_INT;
            case Long l -> JAVA_LONG;
            case Boolean b -> JAVA_BOOLEAN;
            default -> ADDRESS;
        }).toArray(MemoryLayout[]::new);
    }

    private MemorySegment log() {
        try {
            MethodHandle hear = MethodHandles.lookup().bind(this, "hear", MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class));
            return Linker.nativeLinker().upcallStub(hear, FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, ADDRESS), Arena.global());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Called from native code; 2 is information and 4 an error. */
    private void hear(int level, MemorySegment text, MemorySegment nothing) {
        String line = level == 4 || level == 2 ? text.reinterpret(Long.MAX_VALUE).getString(0).strip() : "";
        if (line.contains("buffer size = ")) {
            synchronized (complaints) {
                sizes.add(line);
            }
        } else if (level == 4) {
            synchronized (complaints) {
                complaints.add(line);
                if (complaints.size() > 20) {
                    complaints.removeLast();
                }
            }
        }
    }
}
