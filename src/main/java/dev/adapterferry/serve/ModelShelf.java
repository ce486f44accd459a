package dev.adapterferry.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * The models of a server and which of them are in memory. A model is loaded when somebody needs it; when the limit is
 * reached the one that has rested longest makes room, or the caller waits until one rests. A file that was replaced on disk
 * is loaded anew once nobody uses the old one.
 */
final class ModelShelf implements AutoCloseable {
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final int limit;
    private final Function<ServedModel, Engine> loader;
    private boolean closed;
    private long clock;

    ModelShelf(int limit, Function<ServedModel, Engine> loader) {
        this.limit = limit;
        this.loader = loader;
    }

    private static final class Entry {
        private final ServedModel model;
        private Engine engine;
        private String stamp;
        private boolean loading;
        private boolean removed;
        private int users;
        private long lastUse;

        private Entry(ServedModel model) {
            this.model = model;
        }
    }

    /** Somebody's use of a loaded model; closing it lets the model rest. */
    final class Use implements AutoCloseable {
        private final Entry entry;

        private Use(Entry entry) {
            this.entry = entry;
        }

        /** The model, to talk to. */
        ChatModel chat() {
            if (entry.engine instanceof ChatModel chat) {
                return chat;
            }
            throw ApiError.badRequest("model", "The model '" + entry.model.name() + "' makes " + (entry.engine instanceof ScoreModel ? "scores of texts and answers nothing; ask POST /v1/rerank."
                    : "vectors of texts and answers nothing; ask POST /v1/embeddings."));
        }

        /** The model, to make vectors. */
        VectorModel vectors() {
            if (entry.engine instanceof VectorModel vectors) {
                return vectors;
            }
            throw ApiError.badRequest("model", "The model '" + entry.model.name() + "' makes no vectors; ask POST " + (entry.engine instanceof ScoreModel ? "/v1/rerank" : "/v1/chat/completions") + ".");
        }

        /** The model, to score texts. */
        ScoreModel scores() {
            if (entry.engine instanceof ScoreModel scores) {
                return scores;
            }
            throw ApiError.badRequest("model", "The model '" + entry.model.name() + "' makes no scores; ask POST " + (entry.engine instanceof VectorModel ? "/v1/embeddings" : "/v1/chat/completions") + ".");
        }

        Engine engine() {
            return entry.engine;
        }

        ServedModel model() {
            return entry.model;
        }

        @Override
        public void close() {
            lock.lock();
            try {
                entry.users--;
                entry.lastUse = ++clock;
                if (entry.users == 0 && (entry.removed || closed)) {
                    free(entry);
                }
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** Offers a model; one of the same name is replaced and leaves memory when nobody uses it any more. */
    void add(ServedModel model) {
        lock.lock();
        try {
            remove(model.name());
            entries.put(model.name(), new Entry(model));
        } finally {
            lock.unlock();
        }
    }

    /** Offers a model no longer. */
    boolean remove(String name) {
        lock.lock();
        try {
            Entry entry = entries.remove(name);
            if (entry == null) {
                return false;
            }
            entry.removed = true;
            if (entry.users == 0) {
                free(entry);
            }
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Takes a model out of memory; false when it is in use or not loaded. */
    boolean unload(String name) {
        lock.lock();
        try {
            Entry entry = entries.get(name);
            boolean idle = entry != null && entry.engine != null && entry.users == 0;
            if (idle) {
                free(entry);
                changed.signalAll();
            }
            return idle;
        } finally {
            lock.unlock();
        }
    }

    Optional<ServedModel> find(String name) {
        lock.lock();
        try {
            return Optional.ofNullable(entries.get(name)).map(entry -> entry.model);
        } finally {
            lock.unlock();
        }
    }

    Collection<ServedModel> models() {
        lock.lock();
        try {
            return entries.values().stream().map(entry -> entry.model).toList();
        } finally {
            lock.unlock();
        }
    }

    List<String> loaded() {
        lock.lock();
        try {
            return entries.values().stream().filter(entry -> entry.engine != null).map(entry -> entry.model.name()).toList();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Uses a model, loading it when needed.
     *
     * @return the use, to be closed; empty when no model has that name
     * @throws dev.adapterferry.failure.FerryException when it cannot be loaded
     */
    Optional<Use> use(String name) throws InterruptedException {
        Entry entry;
        lock.lockInterruptibly();
        try {
            entry = entries.get(name);
            if (entry == null || closed) {
                return Optional.empty();
            }
            while (!roomFor(entry)) {
                changed.await();
                if (entry.removed || closed) {
                    return Optional.empty();
                }
            }
            if (entry.engine != null) {
                entry.users++;
                return Optional.of(new Use(entry));
            }
            entry.loading = true;
        } finally {
            lock.unlock();
        }
        return Optional.of(load(entry));
    }

    /** True when the entry is loaded, or may be loaded now by the caller. */
    private boolean roomFor(Entry entry) {
        if (entry.engine != null && entry.users == 0 && !stamp(entry.model.file()).equals(entry.stamp)) {
            free(entry);
        }
        if (entry.engine != null) {
            return true;
        }
        if (entry.loading) {
            return false;
        }
        List<Entry> present = new ArrayList<>(entries.values().stream().filter(other -> other.engine != null || other.loading).toList());
        if (present.size() < limit) {
            return true;
        }
        Optional<Entry> resting = present.stream().filter(other -> other.engine != null && other.users == 0).min(Comparator.comparingLong(other -> other.lastUse));
        resting.ifPresent(this::free);
        return resting.isPresent();
    }

    /** Outside of the lock: loading takes seconds, and the others go on meanwhile. */
    private Use load(Entry entry) {
        Engine engine = null;
        String stamp = stamp(entry.model.file());
        try {
            engine = loader.apply(entry.model);
        } finally {
            lock.lock();
            try {
                entry.loading = false;
                entry.engine = engine;
                entry.stamp = stamp;
                entry.users += engine == null ? 0 : 1;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
        return new Use(entry);
    }

    private void free(Entry entry) {
        if (entry.engine != null) {
            entry.engine.close();
            entry.engine = null;
        }
    }

    /** Tells whether a file is still the one that was loaded: replaced by a rename, it is another one. */
    private static String stamp(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return attributes.fileKey() + " " + attributes.size() + " " + attributes.lastModifiedTime();
        } catch (IOException e) {
            return "absent";
        }
    }

    /** Frees everything at rest now, and the rest when its users are done. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            entries.values().stream().filter(entry -> entry.users == 0).forEach(this::free);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
