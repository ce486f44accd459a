package dev.adapterferry.probe;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.gguf.GgufCheck;
import dev.adapterferry.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Looks at the installed files: there, readable, of the right size, whole GGUF files, with the right digest. */
public final class FileProbe {
    private final Digests digests;

    /** @param digests where the digests come from that are compared with the installed ones */
    public FileProbe(Digests digests) {
        this.digests = digests;
    }

    /**
     * Checks one file.
     *
     * @param file     what should be installed
     * @param findings receives what is wrong
     */
    public Health.FileReport check(Subject.InstalledFile file, List<Finding> findings) {
        Path path = file.path();
        if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
            return broken(file, Files.exists(path), -1, null, path + " is " + (Files.exists(path) ? "no readable file" : "missing"), findings);
        }
        try {
            long bytes = Files.size(path);
            if (file.bytes() >= 0 && bytes != file.bytes()) {
                return broken(file, true, bytes, null, path + " has " + bytes + " bytes, " + file.bytes() + " were installed", findings);
            }
            Health.Gguf gguf = structure(path);
            String sha256 = digests.of(path);
            if (sha256 != null && file.sha256() != null && !sha256.equals(file.sha256())) {
                return broken(file, true, bytes, sha256, path + " has SHA-256 " + sha256 + ", installed was " + file.sha256(), findings);
            }
            tokenizer(path).ifPresent(complaint -> findings.add(new Finding(Status.UNHEALTHY, "file", path + ": " + complaint)));
            return new Health.FileReport(path.toString(), true, bytes, sha256, sha256 != null && file.sha256() != null ? Boolean.TRUE : null, gguf);
        } catch (IOException e) {
            return broken(file, true, -1, null, "Cannot read " + path + ": " + Durable.reason(e), findings);
        } catch (FerryException e) {
            return broken(file, true, -1, null, e.getMessage(), findings);
        }
    }

    private static Health.Gguf structure(Path path) {
        GgufCheck.Summary summary = GgufCheck.part(path);
        return new Health.Gguf(summary.architecture(), summary.tensors(), summary.parameters(), summary.contextLength().orElse(null));
    }

    private static Optional<String> tokenizer(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            return VocabularyOrder.complaint(file.metadata());
        }
    }

    private static Health.FileReport broken(Subject.InstalledFile file, boolean exists, long bytes, String sha256, String sentence, List<Finding> findings) {
        findings.add(new Finding(Status.UNHEALTHY, "file", sentence));
        return new Health.FileReport(file.path().toString(), exists, bytes, sha256, false, null);
    }
}
