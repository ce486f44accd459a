package dev.adapterferry.settings;

import java.nio.file.Path;
import java.time.Duration;

/** The watched folder: section {@code inbox}. */
public record InboxSettings(
        @Setting(value = "Whether the daemon watches the folder.", def = "true") boolean enabled,
        @Setting(value = "Folder in which a file named after a model starts a run.", def = "inbox", root = Setting.Root.HOME) Path path,
        @Setting(value = "How often the folder is looked at.", def = "500ms") Duration poll,
        @Setting(value = "Largest request file.", def = "64KB") Size maxSize) {
}
