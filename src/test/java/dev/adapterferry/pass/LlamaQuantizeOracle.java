package dev.adapterferry.pass;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Asks {@code llama_model_quantize} of a llama.cpp build outside of this project which types it gives to the tensors of
 * {@link ShapedModels} in every mix, and writes the answers that {@link LlamaQuantizeTypesTest} compares with. The embedded
 * library does not export that function.
 *
 * <p>Arguments: folder of the build's shared libraries, file to write. The answers in
 * {@code src/test/resources/llama-quantize-types.txt} are those of llama.cpp v0.5.0 (November 2026), the Linux x64 build in version
 * 3.22.1 of the npm package {@code @node-llama-cpp/linux-x64}.
 */
final class LlamaQuantizeOracle {
    /** {@code llama_model_quantize_params} as of 2026. */
    private static final StructLayout PARAMS = MemoryLayout.structLayout(JAVA_INT.withName("nthread"), JAVA_INT.withName("ftype"), JAVA_INT.withName("output_tensor_type"),
            JAVA_INT.withName("token_embedding_type"), MemoryLayout.sequenceLayout(6, JAVA_BYTE).withName("flags"), MemoryLayout.paddingLayout(2), ADDRESS.withName("imatrix"),
            ADDRESS.withName("kv_overrides"), ADDRESS.withName("tt_overrides"), ADDRESS.withName("prune_layers"),
            // Room for what a newer build may have added.
            MemoryLayout.sequenceLayout(256, JAVA_BYTE));
    private static final long FTYPE = 4;
    private static final long IMATRIX = 24;

    private final SymbolLookup llama;

    private LlamaQuantizeOracle(Path libraries) throws Throwable {
        SymbolLookup.libraryLookup(find(libraries, "libggml-base"), Arena.global());
        SymbolLookup ggml = SymbolLookup.libraryLookup(find(libraries, "libggml."), Arena.global());
        llama = SymbolLookup.libraryLookup(find(libraries, "libllama."), Arena.global());
        try (Arena arena = Arena.ofConfined()) {
            call(ggml, "ggml_backend_load_all_from_path", FunctionDescriptor.ofVoid(ADDRESS)).invoke(arena.allocateFrom(libraries.toString()));
        }
        call(llama, "llama_backend_init", FunctionDescriptor.ofVoid()).invoke();
    }

    private static Path find(Path folder, String prefix) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().startsWith(prefix)).findFirst().orElseThrow();
        }
    }

    private static java.lang.invoke.MethodHandle call(SymbolLookup library, String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), type);
    }

    /** Quantizes a file; an importance matrix, if any, speaks of one tensor with weights of 1. */
    private void quantize(Path from, Path to, Mix mix, Optional<TensorInfo> important) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = (MemorySegment) call(llama, "llama_model_quantize_default_params", FunctionDescriptor.of(PARAMS)).invoke(arena);
            params.set(JAVA_INT, 0, 1);
            params.set(JAVA_INT, FTYPE, mix.fileType());
            if (important.isPresent()) {
                // An array of {name, data, size}, ended by one without a name.
                MemorySegment entries = arena.allocate(48, 8);
                float[] ones = new float[(int) important.get().rowLength()];
                java.util.Arrays.fill(ones, 1);
                entries.set(ADDRESS, 0, arena.allocateFrom(important.get().name()));
                entries.set(ADDRESS, 8, arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_FLOAT, ones));
                entries.set(JAVA_LONG, 16, ones.length);
                params.set(ADDRESS, IMATRIX, entries);
            }
            int answer = (int) call(llama, "llama_model_quantize", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS))
                    .invoke(arena.allocateFrom(from.toString()), arena.allocateFrom(to.toString()), params);
            if (answer != 0) {
                throw new IllegalStateException(from + " to " + mix + ": llama_model_quantize answered " + answer);
            }
        }
    }

    /** Writes the answers. */
    public static void main(String[] arguments) throws Throwable {
        LlamaQuantizeOracle oracle = new LlamaQuantizeOracle(Path.of(arguments[0]).toAbsolutePath());
        Path folder = Files.createTempDirectory("llama-quantize");
        List<String> lines = new ArrayList<>();
        for (Map.Entry<String, ShapedModels> entry : ShapedModels.all().entrySet()) {
            ShapedModels model = entry.getValue();
            Path source = folder.resolve(entry.getKey() + ".gguf");
            GeneratedSource tensors = new GeneratedSource(3, model.tensors().toArray(TensorInfo[]::new));
            PassFixture.run(PassFixture.threads(1), new PassRequest("m", tensors, "key", List.of(), List.of(new PassOutput("F32", source, GgufPlan.of(model.metadata(), model.tensors(),
                    t -> GgmlType.F32))), Optional.empty(), Optional.empty()));
            for (Mix mix : Mix.values()) {
                for (boolean importance : new boolean[] {false, true}) {
                    Path made = folder.resolve("made.gguf");
                    String answer;
                    try {
                        oracle.quantize(source, made, mix, importance ? model.tensors().stream().filter(t -> t.name().equals("blk.0.attn_output.weight")).findFirst() : Optional.empty());
                        answer = read(made, model, mix);
                    } catch (IllegalStateException e) {
                        answer = "refused";
                    }
                    lines.add(entry.getKey() + " " + mix + (importance ? " imatrix" : "") + ": " + answer);
                    Files.deleteIfExists(made);
                }
            }
            Files.delete(source);
        }
        Files.delete(folder);
        Files.write(Path.of(arguments[1]), lines);
        System.exit(0);
    }

    private static String read(Path file, ShapedModels model, Mix mix) {
        try (GgufFile gguf = GgufFile.open(file)) {
            Map<String, GgmlType> types = gguf.tensors().stream().collect(Collectors.toMap(TensorInfo::name, t -> (GgmlType) t.type()));
            if (model.tensors().stream().anyMatch(t -> t.rank() == 1 && types.get(t.name()) != GgmlType.F32)) {
                throw new IllegalArgumentException("a vector of " + file + " is not F32");
            }
            return ShapedModels.describe(types, model.tensors(), mix.baseType());
        }
    }
}
