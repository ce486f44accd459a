package dev.adapterferry.source;

import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What can be told of an adapter from some kilobytes, before its weights are brought. Good as long as the place where it lies is open.
 *
 * @param configuration adapter_config.json
 * @param headers       reads its tensors without their values; empty where no header tells of them: a pickle, or a file that is not whole
 */
public record AdapterSketch(byte[] configuration, Supplier<Optional<List<TensorInfo>>> headers) {
    /**
     * Reads the configuration.
     *
     * @param tree   where the adapter is
     * @param config its configuration
     * @param files  its files
     * @throws dev.adapterferry.failure.FerryException when the configuration cannot be one
     */
    public static AdapterSketch read(FileTree tree, FileEntry config, Collection<FileEntry> files) {
        return new AdapterSketch(AdapterConfig.read(tree, config), () -> AdapterFiles.tensors(tree, files));
    }
}
