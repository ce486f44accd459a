package dev.adapterferry.deploy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * What a release needs of the disks of store and models directory (or another folder), asked before anything is written there.
 *
 * @param model     the model's name, for messages
 * @param store     directory of the kept releases; made when missing
 * @param models    models directory
 * @param way       how files get into it
 * @param freeBytes usable bytes of the file system that holds a path
 */
record DiskNeed(String model, Path store, Path models, Placement.Way way, ToLongFunction<Path> freeBytes) {
    private static final long MARGIN = 64L << 20;

    /**
     * Looks whether there is room.
     *
     * @param files the files of the release
     * @param kept  whether they are in the store already
     * @throws FerryException when there is not
     */
    void check(List<Path> files, boolean kept) {
        try {
            Files.createDirectories(store);
            FileStore storeDisk = Files.getFileStore(store);
            FileStore modelsDisk = Files.getFileStore(models);
            boolean free = switch (way) {
                case AUTO, HARD_LINK -> storeDisk.equals(modelsDisk);
                case REFLINK -> storeDisk.equals(modelsDisk) && Reflink.works(store, models);
                case COPY -> false;
                case SYMBOLIC_LINK -> true;
            };
            long toStore = 0;
            long toModels = 0;
            for (Path file : files) {
                long bytes = Files.size(file);
                toStore += kept || Files.getFileStore(file).equals(storeDisk) ? 0 : bytes;
                toModels += free ? 0 : bytes;
            }
            boolean oneDisk = storeDisk.equals(modelsDisk);
            demand(store, oneDisk ? toStore + toModels : toStore);
            demand(models, oneDisk ? toStore + toModels : toModels);
        } catch (IOException e) {
            throw new FerryException("Cannot deploy " + model + ": " + Durable.reason(e) + ".", e);
        }
    }

    private void demand(Path place, long bytes) {
        long free = freeBytes.applyAsLong(place);
        if (bytes + MARGIN > free) {
            throw new FerryException("Cannot deploy " + model + ": it needs " + (bytes + MARGIN) / 1_000_000 + " MB at " + place + ", only " + free / 1_000_000
                    + " MB are free. Free some space, or keep fewer releases.");
        }
    }

    /** Usable bytes of the file system that holds an existing path. */
    static long usable(Path path) {
        try {
            return Files.getFileStore(path.toRealPath(LinkOption.NOFOLLOW_LINKS)).getUsableSpace();
        } catch (IOException e) {
            throw new FerryException("Cannot ask for the free space of " + path + ": " + Durable.reason(e) + ".", e);
        }
    }
}
