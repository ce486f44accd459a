package dev.adapterferry.tensor;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/**
 * Keeps what was computed last, up to so many bytes. Values are computed once, by the first thread that asks, while others that ask
 * for the same wait; a value larger than the bound is kept alone.
 *
 * @param <K> what a value is asked for by
 * @param <V> what is kept
 */
public final class BoundedCache<K, V> {
    private final long mostBytes;
    private final ToLongFunction<V> size;
    private final LinkedHashMap<K, CompletableFuture<V>> entries = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    /**
     * @param mostBytes bound on the sum of sizes
     * @param size      bytes of a value
     */
    public BoundedCache(long mostBytes, ToLongFunction<V> size) {
        this.mostBytes = mostBytes;
        this.size = size;
    }

    /**
     * The value of a key.
     *
     * @param key     what is asked for
     * @param compute makes the value if it is not kept
     * @return the value, kept or new
     */
    public V get(K key, Supplier<V> compute) {
        CompletableFuture<V> mine = new CompletableFuture<>();
        CompletableFuture<V> found;
        synchronized (this) {
            found = entries.putIfAbsent(key, mine);
        }
        if (found != null) {
            return join(found);
        }
        try {
            V value = compute.get();
            synchronized (this) {
                mine.complete(value);
                bytes += size.applyAsLong(value);
                evict(key);
            }
            return value;
        } catch (RuntimeException | Error e) {
            synchronized (this) {
                entries.remove(key);
            }
            mine.completeExceptionally(e);
            throw e;
        }
    }

    private V join(CompletableFuture<V> found) {
        try {
            return found.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    private void evict(K newest) {
        var oldest = entries.entrySet().iterator();
        while (bytes > mostBytes && oldest.hasNext()) {
            Map.Entry<K, CompletableFuture<V>> entry = oldest.next();
            if (entry.getValue().isDone() && !entry.getKey().equals(newest)) {
                bytes -= size.applyAsLong(entry.getValue().join());
                oldest.remove();
            }
        }
    }
}
