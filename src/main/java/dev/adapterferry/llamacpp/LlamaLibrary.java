package dev.adapterferry.llamacpp;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Set;

/**
 * The native library, found for this platform, unpacked and opened once per process.
 *
 * <p>It is unpacked into a folder named after its own hash and put there by a rename, so that processes that start
 * together never see half a library and never overwrite one that another has mapped.
 */
public final class LlamaLibrary {
    /** The llama.cpp build that the artifact holds; the struct layouts of {@link NativeCalls} belong to it. */
    public static final String BUILD = "b4916";
    /** Architectures whose files this build loads, and then computes something else than the model is: its answers are wrong. */
    public static final Set<String> COMPUTES_OTHERWISE = Set.of("orion", "plamo");

    private static SymbolLookup symbols;
    private static Path file;
    private static FerryException refusal;

    private LlamaLibrary() { }

    /**
     * Opens the library on the first call, does nothing on later ones. Everything public in this package calls it.
     *
     * @throws FerryException when the platform has no build, a system library is missing or the build is another one;
     *                        the same sentence on every call
     */
    public static synchronized void load() {
        if (refusal != null) {
            throw refusal;
        }
        if (symbols != null) {
            return;
        }
        try {
            file = unpack();
            symbols = open(file);
            NativeCalls.start();
        } catch (FerryException | ExceptionInInitializerError e) {
            symbols = null;
            refusal = e instanceof FerryException f ? f : e.getCause() instanceof FerryException f ? f
                    : new FerryException("Cannot start the embedded llama.cpp: " + e.getCause(), e.getCause());
            throw refusal;
        }
    }

    /** Where the library lies on disk. */
    public static synchronized Path file() {
        load();
        return file;
    }

    /** The platform's folder in the artifact, for example {@code Linux/x86_64}. */
    public static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        String os = system.contains("mac") ? "Mac" : system.contains("linux") ? "Linux" : system.contains("windows") ? "Windows" : system;
        String cpu = switch (machine) {
            case "amd64", "x86_64", "x86-64" -> "x86_64";
            case "aarch64", "arm64" -> "aarch64";
            default -> machine;
        };
        return os + "/" + cpu;
    }

    static MemorySegment symbol(String name) {
        return symbols.find(name).orElseThrow(() -> new FerryException("Cannot use the embedded llama.cpp " + file
                + ": it does not export " + name + ". This platform (" + platform() + ") is not supported; use LM Studio instead."));
    }

    private static Path unpack() {
        String name = System.mapLibraryName("jllama");
        String resource = "/de/kherud/llama/" + platform() + "/" + name;
        try (InputStream in = LlamaLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new FerryException("Cannot start the embedded llama.cpp: it has no build for " + platform()
                        + " (Linux and macOS on x86_64 and aarch64 have one). Use LM Studio to serve models on this machine.");
            }
            byte[] bytes = in.readAllBytes();
            String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)).substring(0, 16);
            Path folder = Path.of(System.getProperty("java.io.tmpdir"), "adapter-ferry-" + System.getProperty("user.name"), "llama.cpp-" + hash);
            Path target = folder.resolve(name);
            // Compared whole: a folder under the temporary directory deserves no trust, and reading 6 MB costs nothing.
            if (!Files.isRegularFile(target) || !Arrays.equals(Files.readAllBytes(target), bytes)) {
                Files.createDirectories(folder);
                Path beside = Files.createTempFile(folder, name, ".part");
                Files.write(beside, bytes);
                moveInto(beside, target);
            }
            return target;
        } catch (IOException e) {
            throw new FerryException("Cannot unpack the embedded llama.cpp into " + System.getProperty("java.io.tmpdir") + ": "
                    + e + ". Set -Djava.io.tmpdir to a folder that can be written.", e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static void moveInto(Path beside, Path target) throws IOException {
        try {
            Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException | FileAlreadyExistsException e) {
            Files.move(beside, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static SymbolLookup open(Path file) {
        try {
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new FerryException("Cannot start the embedded llama.cpp: " + reason(file), e);
        }
    }

    /** The look-up hides the linker's reason; loading the same file the old way tells it. */
    private static String reason(Path file) {
        try {
            System.load(file.toString());
            return file + " cannot be opened";
        } catch (UnsatisfiedLinkError e) {
            String told = String.valueOf(e.getMessage());
            return told.contains("libgomp")
                    ? "the system library libgomp is missing. Install it (Debian, Ubuntu: libgomp1; Fedora: libgomp)."
                    : told;
        }
    }
}
