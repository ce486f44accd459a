package dev.adapterferry.tensor;

import dev.adapterferry.failure.MalformedFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;

/** The header of a safetensors file that is not here, read in some kilobytes: names, shapes and types of its tensors are known then, values are not. */
public final class RangedHeader {
    /** What a header is read in; longer than nearly all of them. */
    private static final int FIRST_PIECE = 256 << 10;
    private static final int LARGEST = 16 << 20;

    private RangedHeader() { }

    /** Reads pieces of a file. */
    @FunctionalInterface
    public interface Ranges {
        /**
         * Reads a piece.
         *
         * @param offset first byte
         * @param length at most so many bytes; fewer come only at the end of the file
         */
        byte[] read(long offset, int length);
    }

    /**
     * Reads a header.
     *
     * @param file   name of the file, for messages
     * @param size   its length in bytes
     * @param ranges reads it
     * @return the tensors, ordered by name
     * @throws MalformedFile when it is no safetensors file, or a damaged one
     */
    public static List<TensorInfo> read(String file, long size, Ranges ranges) {
        Path label = Path.of(file);
        byte[] first = ranges.read(0, FIRST_PIECE);
        if (first.length < SafetensorsHeader.LENGTH_BYTES) {
            throw new MalformedFile(label, 0, "it has only " + first.length + " bytes; this is no safetensors file");
        }
        long length = ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 2 || length > LARGEST || SafetensorsHeader.LENGTH_BYTES + length > size) {
            throw new MalformedFile(label, 0, "its header claims " + length + " bytes; this is no safetensors file, or a damaged one");
        }
        byte[] header = new byte[(int) length];
        int here = (int) Math.min(length, first.length - SafetensorsHeader.LENGTH_BYTES);
        System.arraycopy(first, SafetensorsHeader.LENGTH_BYTES, header, 0, here);
        if (here < length) {
            byte[] rest = ranges.read(SafetensorsHeader.LENGTH_BYTES + here, (int) length - here);
            System.arraycopy(rest, 0, header, here, rest.length);
        }
        return SafetensorsFile.tensorsOf(label, header, size - SafetensorsHeader.LENGTH_BYTES - length);
    }
}
