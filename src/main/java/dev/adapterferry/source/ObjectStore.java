package dev.adapterferry.source;

import dev.adapterferry.transfer.Checksum;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** One bucket of an S3-compatible store: the little that a pull needs of it. Safe for several threads. */
public interface ObjectStore extends Closeable {
    /** Most keys that a listing needs to give; a pull refuses places with more. */
    int MAX_KEYS = 4000;

    /**
     * Lists objects, page by page until the end or {@link #MAX_KEYS} + 1 of them.
     *
     * @param prefix what their keys begin with
     * @throws dev.adapterferry.failure.FerryException    when there is no such bucket, or access is refused
     * @throws dev.adapterferry.failure.TransientFailure when the store does not answer
     */
    List<Item> list(String prefix);

    /**
     * Opens a part of an object.
     *
     * @param key    the object
     * @param offset first byte
     * @param length number of bytes
     * @throws IOException when it cannot be opened now
     */
    InputStream open(String key, long offset, long length) throws IOException;

    /**
     * The digest that the store states for an object.
     *
     * @param key the object
     * @return its digest; empty when the store has none for it, as for one that was uploaded in parts
     */
    Optional<Checksum> checksum(String key);

    @Override
    void close();

    /**
     * The digest that an ETag is: an object that was stored in one part, and not under a managed or customer key, has its MD5
     * for an ETag. With such encryption it only looks like one.
     *
     * @param etag       without quotes
     * @param isPlainMd5 false when the object is encrypted with a managed or customer key
     */
    static Optional<Checksum> md5(String etag, boolean isPlainMd5) {
        return isPlainMd5 && etag.matches("[0-9a-fA-F]{32}") ? Optional.of(new Checksum(Checksum.Kind.MD5, etag)) : Optional.empty();
    }

    /**
     * One object.
     *
     * @param key      its whole key
     * @param size     bytes
     * @param modified last change
     * @param etag     the store's tag of this content, without quotes
     */
    record Item(String key, long size, Instant modified, String etag) { }
}
