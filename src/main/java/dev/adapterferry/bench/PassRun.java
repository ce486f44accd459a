package dev.adapterferry.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.SourceFiles;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * One pass in a process of its own, so that memory, CPU and traffic are its own: the second half of {@link PassBenchmark}.
 * The last line it prints is a JSON object.
 */
public final class PassRun {
    private PassRun() { }

    /**
     * Runs a pass, and again if asked to: the first is a cold start, the last what a program does that has been running for a while.
     *
     * @param arguments checkpoint folder, adapter folder or {@code -}, output folder, formats joined by commas, threads,
     *                  journal folder or {@code -}, how many times
     */
    public static void main(String[] arguments) throws Exception {
        Path base = Path.of(arguments[0]);
        List<TypeRequest> formats = Arrays.stream(arguments[3].split(",")).map(name -> TypeRequest.of(Mix.parse(name), false)).toList();
        Optional<Path> journals = arguments[5].equals("-") ? Optional.empty() : Optional.of(Path.of(arguments[5]));
        PassSettings settings = new PassSettings(Integer.parseInt(arguments[4]), journals, Optional.empty());
        ObjectNode node = null;
        PeakMemory peak = new PeakMemory();
        for (int turn = 0; turn < Integer.parseInt(arguments[6]); turn++) {
            double before = processCpuSeconds();
            try (Checkpoint checkpoint = open(base, arguments[1])) {
                ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
                List<Path> inputs = checkpoint instanceof SourceFiles files ? files.files() : List.of();
                QuantizeRequest request = new QuantizeRequest("bench", model.tensors(), model.metadata(), "bench", inputs, Path.of(arguments[2]), formats, Optional.empty(), false);
                PassResult result = new QuantizeJob(settings).run(request, Progress.NONE, new Cancellation());
                if (turn == 0) {
                    peak.stop();
                    node = json(result, model.parameters(), peak);
                } else {
                    node.put("warmWallSeconds", seconds(result.wall())).put("warmCpuSeconds", processCpuSeconds() - before);
                }
                for (PassResult.FileResult file : result.files()) {
                    Files.delete(file.file());
                }
            }
        }
        System.out.println(node);
        System.exit(0);
    }

    private static double processCpuSeconds() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }

    private static Checkpoint open(Path base, String adapter) {
        Checkpoint checkpoint = CheckpointFolder.open(base);
        return adapter.equals("-") ? checkpoint : MergedCheckpoint.open(checkpoint, List.of(MergeInput.of(Path.of(adapter))), MergeOptions.STRICT);
    }

    private static ObjectNode json(PassResult result, long weights, PeakMemory peak) throws IOException {
        double cpu = processCpuSeconds();
        ObjectNode node = new JsonMapper().createObjectNode().put("weights", weights).put("wallSeconds", seconds(result.wall())).put("processCpuSeconds", cpu)
                .put("encoderCpuSeconds", seconds(result.cpu())).put("cpuNanosPerWeight", cpu * 1e9 / weights)
                .put("outputBytes", result.files().stream().mapToLong(PassResult.FileResult::size).sum()).put("bytesRead", result.bytesRead()).put("bytesWritten", result.bytesWritten());
        Path io = Path.of("/proc/self/io");
        if (Files.isReadable(io)) {
            for (String line : Files.readAllLines(io)) {
                String[] parts = line.split(": ");
                switch (parts[0]) {
                    case "rchar" -> node.put("ioRead", Long.parseLong(parts[1]));
                    case "wchar" -> node.put("ioWritten", Long.parseLong(parts[1]));
                    default -> { }
                }
            }
        }
        node.put("peakRssBytes", peak.rss()).put("peakAnonymousBytes", peak.anonymous());
        return node;
    }
}
