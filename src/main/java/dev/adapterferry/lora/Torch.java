package dev.adapterferry.lora;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.adapterferry.failure.FerryException;

/** PyTorch, loaded on first use: 0.7 s, and some seconds more the first time on a machine, when DJL unpacks it. */
final class Torch {
    private Torch() { }

    /** Holder idiom: the class is initialised, and the library loaded, by the first caller only. */
    private static final class Loaded {
        static final NDManager ROOT = load();

        private static NDManager load() {
            try {
                NDManager root = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                // Row blocks are already spread over threads; more threads within a product would only fight for cores.
                JniUtils.setNumThreads(1);
                return root;
            } catch (RuntimeException | LinkageError e) {
                throw new FerryException("Cannot load PyTorch for this platform (" + System.getProperty("os.name") + " "
                        + System.getProperty("os.arch") + "): " + e.getMessage() + ". The native library comes from Maven Central once: look at the network, or take another platform.", e);
            }
        }
    }

    /** Loads the library now. */
    static void load() {
        Loaded.ROOT.getDevice();
    }

    /** Lets PyTorch spread one operation over all cores, or keep it on one. */
    static void useAllCores(boolean all) {
        load();
        JniUtils.setNumThreads(all ? Runtime.getRuntime().availableProcessors() : 1);
    }

    /** A matrix, copied in. */
    static NDArray array(NDManager manager, double[] values, int rows, int cols) {
        return manager.create(values, new Shape(rows, cols));
    }

    /** A manager for the arrays of one piece of work; close it to free them. */
    static NDManager manager() {
        return Loaded.ROOT.newSubManager();
    }
}
