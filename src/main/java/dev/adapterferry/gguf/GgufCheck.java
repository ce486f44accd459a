package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.NonFinite;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Is this file a whole GGUF model? {@link #structure} looks at the header and at where everything lies, and costs
 * milliseconds whatever the size; {@link #scales} reads all of it.
 */
public final class GgufCheck {
    private static final int READ_BYTES = 1 << 20;

    /**
     * What a sound file holds.
     *
     * @param architecture {@code general.architecture}
     * @param name         {@code general.name}, or empty
     * @param fileType     {@code general.file_type}, the id of the mix, or empty
     * @param contextLength {@code ARCH.context_length}, or empty
     * @param tensors      number of tensors
     * @param parameters   number of weights
     * @param size         bytes of the file
     * @param types        number of tensors per type, by type label
     */
    public record Summary(String architecture, Optional<String> name, Optional<Long> fileType, Optional<Long> contextLength, int tensors, long parameters,
            long size, Map<String, Integer> types) { }

    private GgufCheck() { }

    /**
     * Checks the whole structure of a model file: header, keys, tensor table, every tensor inside the file, nothing after
     * the last one but its padding.
     *
     * @param file the file
     * @return what it holds
     * @throws MalformedFile when it is no sound model file
     */
    public static Summary structure(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            return summary(gguf);
        }
    }

    /**
     * The same for any file of a split model: its later shards, which name no architecture, pass too.
     *
     * @param file a whole model or any shard
     * @return what it holds; the architecture is empty for a later shard
     * @throws MalformedFile when it is no sound file
     */
    public static Summary part(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            return gguf.metadata().findLong("split.no").orElse(0L) > 0 ? summary(gguf, "") : summary(gguf);
        }
    }

    /**
     * Checks the structure and then every block of every tensor for infinite scales and NaN. Tensors whose type this
     * ferry does not decode are skipped.
     *
     * @param file         the file
     * @param progress     hears of the bytes done
     * @param cancellation stops it
     * @return what it holds
     * @throws MalformedFile when it is no sound model file; names the tensor and the byte
     */
    public static Summary scales(Path file, Progress progress, Cancellation cancellation) {
        try (GgufFile gguf = GgufFile.open(file)) {
            Summary summary = summary(gguf);
            byte[] buffer = new byte[READ_BYTES];
            for (GgufHeader.Place place : gguf.places()) {
                if (place.info().type() instanceof GgmlType type) {
                    scan(gguf, file, place, type, buffer, cancellation);
                }
                progress.report(new Progress.Step("checking " + file.getFileName(), place.offset() + place.bytes(), gguf.size(), Progress.Unit.BYTES));
            }
            return summary;
        }
    }

    private static Summary summary(GgufFile gguf) {
        return summary(gguf, gguf.metadata().findString("general.architecture")
                .orElseThrow(() -> new MalformedFile(gguf.files().getFirst(), -1, "it has no general.architecture, so it is no model (a later shard, perhaps)")));
    }

    private static Summary summary(GgufFile gguf, String architecture) {
        Path file = gguf.files().getFirst();
        GgufMetadata metadata = gguf.metadata();
        if (gguf.tensors().isEmpty()) {
            throw new MalformedFile(file, gguf.dataOffset(), "it holds no tensors");
        }
        long end = GgufFormat.align(gguf.dataEnd(), gguf.alignment());
        if (gguf.size() > end) {
            throw new MalformedFile(file, end, (gguf.size() - end) + " bytes follow the last tensor");
        }
        Map<String, Integer> types = new TreeMap<>();
        gguf.tensors().forEach(tensor -> types.merge(tensor.type().label(), 1, Integer::sum));
        return new Summary(architecture, metadata.findString("general.name"), metadata.findLong("general.file_type"), metadata.findLong(architecture + ".context_length"),
                gguf.tensors().size(), gguf.tensors().stream().mapToLong(TensorInfo::elements).sum(), gguf.size(), Map.copyOf(types));
    }

    private static void scan(GgufFile gguf, Path file, GgufHeader.Place place, GgmlType type, byte[] buffer, Cancellation cancellation) {
        int step = buffer.length / type.blockBytes() * type.blockBytes();
        for (long done = 0; done < place.bytes(); done += step) {
            cancellation.check("check " + file.getFileName());
            int length = (int) Math.min(step, place.bytes() - done);
            gguf.readStored(place.info(), done, length, buffer, 0);
            int bad = NonFinite.inBlocks(type, buffer, 0, length / type.blockBytes() * type.blockElements());
            if (bad >= 0) {
                long at = done + type.bytesFor(bad);
                throw new MalformedFile(file, place.offset() + at, "tensor '" + place.info().name() + "' holds a value that is not finite, in row "
                        + at / type.bytesFor(place.info().rowLength()));
            }
        }
    }
}
