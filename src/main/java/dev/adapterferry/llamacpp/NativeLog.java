package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes llama.cpp's log off standard error: everything goes to slf4j at trace level, and the last error of a thread is
 * kept so that a refusal can say why.
 */
final class NativeLog {
    private static final Logger LOG = LoggerFactory.getLogger("dev.adapterferry.llamacpp.native");
    private static final int ERROR = 4;
    private static final ThreadLocal<String> LAST_ERROR = new ThreadLocal<>();

    private NativeLog() { }

    /** The callback for {@code llama_log_set}; lives as long as the process. */
    static MemorySegment callback() {
        try {
            return Linker.nativeLinker().upcallStub(
                    MethodHandles.lookup().findStatic(NativeLog.class, "hear", MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class)),
                    FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, ADDRESS), Arena.global());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("the log's own method is missing", e);
        }
    }

    /** Forgets this thread's last error. */
    static void forget() {
        LAST_ERROR.remove();
    }

    /** What llama.cpp last complained about on this thread, or the given words. */
    static String lastErrorOr(String otherwise) {
        String error = LAST_ERROR.get();
        return error == null ? otherwise : error;
    }

    /** Called from native code, on any of its threads; an exception here would end the process. */
    private static void hear(int level, MemorySegment text, MemorySegment nothing) {
        try {
            String line = NativeCalls.text(text).strip();
            if (line.isEmpty() || line.chars().allMatch(c -> c == '.')) {
                return;
            }
            LOG.trace("{}", line);
            // The first complaint names the cause; later ones only repeat that loading failed.
            if (level == ERROR && LAST_ERROR.get() == null) {
                LAST_ERROR.set(line.replaceFirst("^[a-z_0-9]+: (error loading model[a-z ]*: )*", ""));
            }
        } catch (RuntimeException | Error e) {
            // Nothing sensible is left to do: a log line is lost.
        }
    }
}
