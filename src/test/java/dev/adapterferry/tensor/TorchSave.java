package dev.adapterferry.tensor;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes what {@code torch.save} writes of a dictionary of tensors, instruction for instruction (pickle protocol 2). */
public final class TorchSave {
    private static final Map<ElementType, String> STORAGES = Map.of(ElementType.F32, "FloatStorage", ElementType.F16, "HalfStorage", ElementType.BF16, "BFloat16Storage");

    private final ByteArrayOutputStream program = new ByteArrayOutputStream();
    private final ByteArrayOutputStream archive = new ByteArrayOutputStream();
    private final ZipOutputStream zip = new ZipOutputStream(archive);
    private int memo;
    private int key;

    /** Begins a dictionary; an ordered one as of a state dictionary, or a plain one as PEFT makes. */
    public TorchSave(boolean ordered) {
        bytes(0x80, 2);
        if (ordered) {
            global("collections", "OrderedDict");
            bytes(')', 'R');
            keep();
        } else {
            bytes('}');
            keep();
        }
        bytes('(');
    }

    /** Adds a tensor that has a storage of its own. */
    public TorchSave tensor(String name, ElementType type, float[] values, int... shape) {
        byte[] data = new byte[values.length * type.blockBytes()];
        type.encode(values, 0, values.length, data, 0);
        entry("data/" + key, data, ZipEntry.STORED);
        int stride = 1;
        int[] strides = new int[shape.length];
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return tensor(name, STORAGES.get(type), key++, values.length, 0, shape, strides);
    }

    /** Adds a tensor on a storage that is written, or not, by somebody else. */
    public TorchSave tensor(String name, String storage, int key, int elements, int offset, int[] shape, int[] strides) {
        text(name);
        global("torch._utils", "_rebuild_tensor_v2");
        bytes('(', '(');
        text("storage");
        global("torch", storage);
        text(Integer.toString(key));
        text("cpu");
        number(elements);
        bytes('t');
        keep();
        bytes('Q');
        number(offset);
        tuple(shape);
        tuple(strides);
        bytes(0x89);
        global("collections", "OrderedDict");
        bytes(')', 'R', 't');
        keep();
        bytes('R');
        keep();
        return this;
    }

    private void tuple(int[] values) {
        if (values.length > 3) {
            bytes('(');
        }
        for (int value : values) {
            number(value);
        }
        bytes(values.length == 0 ? ')' : values.length > 3 ? 't' : 0x84 + values.length);
        keep();
    }

    private void number(int value) {
        if (value >= 0 && value < 256) {
            bytes('K', value);
        } else if (value >= 0 && value < 65536) {
            bytes('M', value & 0xFF, value >> 8);
        } else {
            bytes('J', value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF, value >>> 24);
        }
    }

    private void text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        bytes('X');
        program.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(utf8.length).array());
        program.writeBytes(utf8);
        keep();
    }

    /** Puts a name on the stack. */
    public TorchSave global(String module, String name) {
        bytes('c');
        program.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
        keep();
        return this;
    }

    private void keep() {
        if (memo < 256) {
            bytes('q', memo);
        } else {
            bytes('r', memo & 0xFF, memo >> 8, 0, 0);
        }
        memo++;
    }

    /** Adds instructions as they are. */
    public TorchSave bytes(int... codes) {
        for (int code : codes) {
            program.write(code);
        }
        return this;
    }

    /** Adds an entry of the archive. */
    public TorchSave entry(String name, byte[] content, int method) {
        try {
            ZipEntry entry = new ZipEntry("adapter_model/" + name);
            entry.setMethod(method);
            if (method == ZipEntry.STORED) {
                CRC32 crc = new CRC32();
                crc.update(content);
                entry.setSize(content.length);
                entry.setCrc(crc.getValue());
            }
            zip.putNextEntry(entry);
            zip.write(content);
            zip.closeEntry();
            return this;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Ends the dictionary and writes the file. */
    public Path write(Path file) throws IOException {
        bytes('u', '}');
        keep();
        text("_metadata");
        bytes('}', 's', 'b', '.');
        return writeAsItIs(file);
    }

    /** Writes the file without a proper end. */
    public Path writeAsItIs(Path file) throws IOException {
        entry("data.pkl", program.toByteArray(), ZipEntry.STORED);
        entry("byteorder", "little".getBytes(StandardCharsets.US_ASCII), ZipEntry.STORED);
        entry("version", "3\n".getBytes(StandardCharsets.US_ASCII), ZipEntry.STORED);
        zip.close();
        return Files.write(file, archive.toByteArray());
    }
}
