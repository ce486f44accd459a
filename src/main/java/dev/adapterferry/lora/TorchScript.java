package dev.adapterferry.lora;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.training.ParameterStore;
import dev.adapterferry.failure.FerryException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A PyTorch function that DJL has no method for, given as TorchScript source. The archive that PyTorch loads (a zip of source, an empty
 * pickled module and a version) is put together in memory.
 */
final class TorchScript {
    /** Eigenvalues in rising order and eigenvectors, one per column, of a symmetric matrix (its lower triangle is read). */
    static final TorchScript EIGEN = new TorchScript("torch.linalg_eigh(x)", 2);
    /** Q and R of the reduced QR decomposition. */
    static final TorchScript QR = new TorchScript("torch.linalg_qr(x)", 2);

    private final byte[] archive;
    private Model model;

    /**
     * @param expression of the tensor {@code x}
     * @param results    how many tensors it yields
     */
    private TorchScript(String expression, int results) {
        String type = "Tuple[" + "Tensor, ".repeat(results - 1) + "Tensor]";
        String names = "a, b, c, d".substring(0, 3 * results - 2);
        this.archive = archive("""
                class Function(Module):
                  __parameters__ = []
                  __buffers__ = []
                  def forward(self: __torch__.Function,
                    x: Tensor) -> %s:
                    %s = %s
                    return (%s)
                """.formatted(type, names, expression, names));
    }

    /**
     * Applies the function.
     *
     * @param x its argument
     * @return the results, which belong to the argument's manager
     */
    synchronized NDList apply(NDArray x) {
        NDManager manager = x.getManager();
        if (model == null) {
            Torch.load();
            try {
                model = Model.newInstance("function", Device.cpu(), "PyTorch");
                model.load(new ByteArrayInputStream(archive));
            } catch (IOException | MalformedModelException e) {
                throw new FerryException("PyTorch does not take the function: " + e.getMessage() + ".", e);
            }
        }
        NDList results = model.getBlock().forward(new ParameterStore(manager, false), new NDList(x), false);
        results.attach(manager);
        return results;
    }

    private static byte[] archive(String source) {
        // Pickle, protocol 2: an object of class __torch__.Function with an empty state.
        byte[] object = ("\u0080\u0002c__torch__\nFunction\n)\u0081}b.").getBytes(StandardCharsets.ISO_8859_1);
        byte[] noConstants = "\u0080\u0002).".getBytes(StandardCharsets.ISO_8859_1);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            put(zip, "f/data.pkl", object);
            put(zip, "f/code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
            put(zip, "f/constants.pkl", noConstants);
            put(zip, "f/version", "3\n".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return bytes.toByteArray();
    }

    /** PyTorch reads entries that are stored as they are, not deflated. */
    private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }
}
