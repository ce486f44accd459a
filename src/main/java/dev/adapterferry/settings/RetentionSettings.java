package dev.adapterferry.settings;

import java.time.Duration;

/** How long things stay: section {@code retention}. */
public record RetentionSettings(
        @Setting(value = "Folders and rows of finished runs.", def = "90d") Duration runs,
        @Setting(value = "Log files.", def = "30d") Duration logs,
        @Setting(value = "Rows of releases that are no longer restorable; `deploy.keep` holds the files.", def = "365d") Duration releases,
        @Setting(value = "Requests in `failed/` that nobody replayed.", def = "90d") Duration failed,
        @Setting(value = "Reports of `ferry evaluate` and `ferry compare` in `evaluations/`; a run's own report goes with the run.", def = "90d") Duration evaluations,
        @Setting(value = "Converted bases in `bases/` that no evaluation has asked for so long; what is missing is converted again.", def = "30d") Duration bases) {
}
