package dev.adapterferry.probe;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.LoggerFactory;
import oshi.SystemInfo;
import oshi.hardware.GlobalMemory;
import oshi.hardware.HardwareAbstractionLayer;

/** Looks at the machine under a model: the volume of its files (not that of the root directory), memory, graphics cards. */
final class SystemProbe {
    private SystemProbe() { }

    static Health.SystemReport check(Subject subject, Limits limits, List<Finding> findings) {
        long total = 0;
        long free = 0;
        Path place = subject.files().isEmpty() ? Path.of("").toAbsolutePath() : subject.files().getFirst().path().toAbsolutePath();
        while (!Files.exists(place) && place.getParent() != null) {
            place = place.getParent();
        }
        try {
            FileStore disk = Files.getFileStore(place);
            total = disk.getTotalSpace();
            free = disk.getUsableSpace();
            warn("the volume of " + place, total, free, limits, findings);
        } catch (IOException e) {
            findings.add(new Finding(Status.DEGRADED, "system", "cannot ask for the free space of " + place + ": " + e.getMessage()));
        }
        HardwareAbstractionLayer hardware = new SystemInfo().getHardware();
        GlobalMemory memory = hardware.getMemory();
        warn("the memory", memory.getTotal(), memory.getAvailable(), limits, findings);
        return new Health.SystemReport(total, free, memory.getTotal(), memory.getAvailable(), gpus(hardware));
    }

    private static List<Health.Gpu> gpus(HardwareAbstractionLayer hardware) {
        try {
            return hardware.getGraphicsCards().stream().map(card -> new Health.Gpu(card.getName(), card.getVRam())).toList();
        } catch (RuntimeException e) {
            // Drivers and containers answer this in many ways; a health check does not fail on it.
            LoggerFactory.getLogger(SystemProbe.class).debug("No word about graphics cards", e);
            return List.of();
        }
    }

    private static void warn(String what, long total, long free, Limits limits, List<Finding> findings) {
        long used = total <= 0 ? 0 : Math.round((total - free) * 100.0 / total);
        if (used > limits.resourceWarning()) {
            findings.add(new Finding(Status.DEGRADED, "system", what + " is " + used + " % full (" + free / 1_000_000 + " MB free), healthy is up to " + limits.resourceWarning() + " %"));
        }
    }
}
