package dev.adapterferry.llamacpp;

import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * One C function. Calls cost about a microsecond, nothing beside what they start.
 *
 * @param name   exported name
 * @param handle bound handle; a function returning a struct takes the allocator first
 */
record NativeFunction(String name, MethodHandle handle) {
    static NativeFunction returning(MemoryLayout result, String name, MemoryLayout... parameters) {
        return bind(name, FunctionDescriptor.of(result, parameters));
    }

    static NativeFunction silent(String name, MemoryLayout... parameters) {
        return bind(name, FunctionDescriptor.ofVoid(parameters));
    }

    static NativeFunction at(MemorySegment address, String name, FunctionDescriptor descriptor) {
        return new NativeFunction(name, Linker.nativeLinker().downcallHandle(address, descriptor));
    }

    private static NativeFunction bind(String name, FunctionDescriptor descriptor) {
        return at(LlamaLibrary.symbol(name), name, descriptor);
    }

    Object call(Object... arguments) {
        try {
            return handle.invokeWithArguments(arguments);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("call of " + name + " failed", e);
        }
    }

    int callInt(Object... arguments) {
        return (int) call(arguments);
    }

    long callLong(Object... arguments) {
        return (long) call(arguments);
    }

    boolean callBoolean(Object... arguments) {
        return (boolean) call(arguments);
    }

    MemorySegment callAddress(Object... arguments) {
        return (MemorySegment) call(arguments);
    }
}
