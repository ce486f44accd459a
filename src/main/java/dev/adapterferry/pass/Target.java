package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.gguf.GgufWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/** One output on its way: grows beside its final path, takes its name at the end. */
final class Target implements Closeable {
    private final PassOutput output;
    private final GgufWriter writer;
    /** Where the bytes are now: beside the final path, or there already when a pass was killed between two renames. */
    private final Path place;

    private Target(PassOutput output, GgufWriter writer) {
        this.output = output;
        this.writer = writer;
        this.place = writer.file();
    }

    /** Starts a file; whatever an earlier pass left beside it is gone. */
    static Target start(PassOutput output) {
        Path folder = output.file().toAbsolutePath().getParent();
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new FerryException("Cannot make the folder " + folder + " for " + output.file().getFileName() + ": " + Durable.reason(e) + ".", e);
        }
        if (Files.isDirectory(output.file())) {
            throw new FerryException("Cannot write " + output.file() + ": a folder of that name is in the way. Move it, or choose another folder or name.");
        }
        return new Target(output, GgufWriter.create(output.part(), output.plan()));
    }

    /**
     * Goes on with a file that an earlier pass started.
     *
     * @param complete the earlier pass had written everything, and may have given the file its name already
     * @return empty when it is gone
     */
    static Optional<Target> goOn(PassOutput output, boolean complete) throws IOException {
        Path place = complete && !Files.exists(output.part()) ? output.file() : output.part();
        return Files.isRegularFile(place) && Files.size(place) == output.plan().size() ? Optional.of(new Target(output, GgufWriter.reopen(place, output.plan()))) : Optional.empty();
    }

    GgufPlan plan() {
        return output.plan();
    }

    void write(RowBlock block, byte[] bytes, int length) throws IOException {
        GgufPlan.Tensor tensor = output.plan().tensors().get(block.tensor());
        writer.write(block.tensor(), block.firstRow() * tensor.rowBytes(), ByteBuffer.wrap(bytes, 0, length));
    }

    void read(long position, byte[] into, int length) throws IOException {
        writer.read(position, ByteBuffer.wrap(into, 0, length));
    }

    void force() throws IOException {
        writer.force();
    }

    /** Reads the finished file as a stranger would, and compares it with its plan. */
    void verify() {
        try (GgufFile file = GgufFile.open(place)) {
            List<TensorInfo> expected = output.plan().tensors().stream()
                    .map(t -> new TensorInfo(t.name(), t.type(), t.source().shape().isEmpty() ? List.of(1L) : t.source().shape())).toList();
            if (file.size() != output.plan().size() || !file.tensors().equals(expected)) {
                throw new FerryException("The file " + place + " does not hold what was written to it: another program changed it. Run again.");
            }
        }
    }

    /** Gives the file its name, once its bytes are on the medium. */
    void publish() {
        try {
            writer.force();
            close();
            if (!place.equals(output.file())) {
                Files.move(place, output.file(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
            Durable.forceDirectory(output.file().toAbsolutePath().getParent());
        } catch (IOException e) {
            throw WriteFailure.naming(output, e);
        }
    }

    /** Removes what was written, but for a file that has its name already. */
    void discard() {
        close();
        try {
            Files.deleteIfExists(output.part());
        } catch (IOException e) {
            throw new FerryException("Cannot remove " + output.part() + ": " + Durable.reason(e) + ".", e);
        }
    }

    @Override
    public void close() {
        writer.close();
    }
}
