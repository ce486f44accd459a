package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Where base checkpoints come from: section {@code hub}. */
public record HubSettings(
        @Setting(value = "Address of the hub or of a mirror.", def = "${HF_ENDPOINT:https://huggingface.co}") URI endpoint,
        @Setting(value = "Access token; needed for private and gated repositories.", def = "${HF_TOKEN:}") Optional<Secret> token,
        @Setting("Cache folder shared with the Python tools. Without it theirs (`HF_HUB_CACHE`, `HF_HOME`, `~/.cache/huggingface/hub`).") Optional<Path> cache,
        @Setting(value = "Use the cache only and never ask the hub.", def = "${HF_HUB_OFFLINE:false}") boolean offline,
        @Setting(value = "Connections that share one file.", def = "4", min = 1, max = 64) int channels,
        @Setting(value = "Longest silence before a download is tried again.", def = "30s") Duration timeout) {
}
