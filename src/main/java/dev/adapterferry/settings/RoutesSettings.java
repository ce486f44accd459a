package dev.adapterferry.settings;

import java.nio.file.Path;

/** The routes: section {@code routes}. */
public record RoutesSettings(
        @Setting(value = "Folder of the `*.camel.yaml` files.", def = "routes") Path path,
        @Setting(value = "Whether edits take effect while the daemon runs.", def = "true") boolean reload) {
}
