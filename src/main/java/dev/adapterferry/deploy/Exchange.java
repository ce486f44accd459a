package dev.adapterferry.deploy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.Charset;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Two folders change places at one instant: nobody ever finds one of the names missing. Java has no call for it, so the system's is
 * used: {@code renameat2} with {@code RENAME_EXCHANGE} on Linux (ext4, XFS, btrfs, tmpfs and others; not NFS or SMB),
 * {@code renamex_np} with {@code RENAME_SWAP} on macOS (APFS). Windows has nothing of the kind.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/rename.2.html">rename(2)</a>
 */
final class Exchange {
    private static final int AT_FDCWD = -100;
    /** {@code RENAME_EXCHANGE} of Linux and {@code RENAME_SWAP} of macOS have the same value. */
    private static final int SWAP = 2;
    private static final String SYSTEM = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final VarHandle ERROR = Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final Optional<MethodHandle> CALL = call();

    private Exchange() { }

    /**
     * Exchanges two existing folders of one file system.
     *
     * @throws IOException when system or file system cannot do it, or one of them is missing or in use; both are then as they were
     */
    static void swap(Path one, Path other) throws IOException {
        MethodHandle call = CALL.orElseThrow(() -> new FileSystemException(one.toString(), other.toString(), "this system cannot exchange folders"));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
            MemorySegment first = name(arena, one);
            MemorySegment second = name(arena, other);
            int result = SYSTEM.contains("mac") ? (int) call.invokeExact(state, first, second, SWAP) : (int) call.invokeExact(state, AT_FDCWD, first, AT_FDCWD, second, SWAP);
            if (result != 0) {
                throw new FileSystemException(one.toString(), other.toString(), "the folders could not be exchanged (error " + (int) ERROR.get(state, 0L) + ")");
            }
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static Optional<MethodHandle> call() {
        FunctionDescriptor mac = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
        FunctionDescriptor linux = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
        Linker linker = Linker.nativeLinker();
        SymbolLookup library = linker.defaultLookup();
        if (SYSTEM.contains("mac")) {
            return library.find("renamex_np").map(symbol -> linker.downcallHandle(symbol, mac, ERRNO));
        }
        return SYSTEM.contains("linux") ? library.find("renameat2").map(symbol -> linker.downcallHandle(symbol, linux, ERRNO)) : Optional.empty();
    }

    /** A path in the bytes in which Java itself hands paths to the system. */
    private static MemorySegment name(Arena arena, Path path) {
        Charset names = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
        return arena.allocateFrom(path.toAbsolutePath().toString(), names);
    }
}
