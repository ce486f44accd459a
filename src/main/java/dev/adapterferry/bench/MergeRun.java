package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.lora.AdapterMerger;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergeRequest;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.CheckpointFolder;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** One merge in a process of its own: the second half of {@link MergeBenchmark}. The last line it prints is a JSON object. */
public final class MergeRun {
    private static final long SHARD_BYTES = 5_000_000_000L;

    private MergeRun() { }

    /**
     * Merges.
     *
     * @param arguments checkpoint folder, adapter folder, output folder, threads
     */
    public static void main(String[] arguments) throws Exception {
        PeakMemory peak = new PeakMemory();
        long start = System.nanoTime();
        try (MergedCheckpoint merged = MergedCheckpoint.open(CheckpointFolder.open(Path.of(arguments[0])), List.of(MergeInput.of(Path.of(arguments[1]))), MergeOptions.STRICT)) {
            MergeRequest request = new MergeRequest(Path.of(arguments[2]), Optional.empty(), SHARD_BYTES, Integer.parseInt(arguments[3]));
            MergeReport report = new AdapterMerger().merge(merged, request, Progress.NONE, new Cancellation());
            double wall = (System.nanoTime() - start) / 1e9;
            peak.stop();
            var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            ObjectNode node = new JsonMapper().createObjectNode().put("wallSeconds", wall).put("processCpuSeconds", system.getProcessCpuTime() / 1e9)
                    .put("tensorsAdapted", report.tensorsAdapted()).put("peakRssBytes", peak.rss()).put("peakAnonymousBytes", peak.anonymous());
            System.out.println(node);
        }
        System.exit(0);
    }
}
