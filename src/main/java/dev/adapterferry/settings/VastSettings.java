package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** The rented machines: section {@code vast}. */
public record VastSettings(
        @Setting(value = "Whether the schedule looks at vast.ai. `auto`: when a key is known.", def = "auto") Use enabled,
        @Setting(value = "Address of the vast.ai API.", def = "${VAST_URL:https://console.vast.ai}") URI apiUrl,
        @Setting(value = "API key. Without it the key file of the `vastai` command is read.", def = "${VAST_API_KEY:}") Optional<Secret> apiKey,
        @Setting("Private key for SSH. Without it the SSH agent, then the usual files in `~/.ssh`.") Optional<Path> sshKey,
        @Setting("Passphrase of the private key.") Optional<Secret> sshPassphrase,
        @Setting(value = "Login name on the instances.", def = "root") String sshUser,
        @Setting(value = "Folder with one file of known host keys per instance.", def = "known-hosts", root = Setting.Root.HOME) Path knownHosts,
        @Setting(value = "When the schedule looks for finished adapters: a Quartz schedule, seconds first.", def = "0 0/10 * * * ?") Cron poll,
        @Setting(value = "Label of the instance that belongs to a model without `instance-id`; `{model}` stands for the model's name.", def = "{model}") String instanceLabel,
        @Setting(value = "Time limit of one API call.", def = "30s") Duration timeout) {
}
