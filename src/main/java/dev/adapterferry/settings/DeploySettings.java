package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/** Where a release is installed: section {@code deploy}. */
public record DeploySettings(
        @Setting("LM Studio.") LmStudio lmstudio,
        @Setting("Ollama.") Ollama ollama,
        @Setting("A plain folder that gets the files as well.") Optional<Path> folder,
        @Setting("An SSH host that gets the files as well: `ssh://user@host:port/path`.") Optional<String> ssh,
        @Setting(value = "Publisher folder of models that name none of their own.", def = "adapter-ferry") String publisher,
        @Setting(value = "Releases per model that stay restorable, the active one included.", def = "3", min = 1, max = 1000) int keep,
        @Setting(value = "Folder of the restorable releases; on the volume of the models directory they cost nothing (hard links).", def = "releases", root = Setting.Root.HOME)
        Path releases,
        @Setting(value = "What happens when a release fails its health check or its evaluation.", def = "rollback") OnFailure onFailure,
        @Setting(value = "How a file gets into the models directory; `hard` and `reflink` copy where the file system cannot.", def = "hard") Link link,
        @Setting(value = "Whether client code (curl, Python, Java) is written for each release.", def = "true") boolean clients) {

    /** Checks names that become folders. */
    public DeploySettings {
        Names.requireFolderName(publisher);
        if (ssh.isPresent() && !ssh.get().matches("(ssh|sftp)://.+/.*")) {
            throw new IllegalArgumentException("ssh must be ssh://user@host:port/path, found '" + ssh.get() + "'");
        }
    }

    /** What happens when a release does not hold. */
    public enum OnFailure { ROLLBACK, KEEP }

    /** How a file gets into the models directory. */
    public enum Link { HARD, COPY, REFLINK }

    /** The LM Studio of this machine. */
    public record LmStudio(
            @Setting(value = "Whether releases go to LM Studio. `auto`: when its models directory is found.", def = "auto") Use enabled,
            @Setting("Models directory. Without it found as LM Studio finds it: home pointer, its settings, its default.") Optional<Path> modelsDir,
            @Setting(value = "Address of LM Studio's server.", def = "http://127.0.0.1:1234") URI apiUrl,
            @Setting(value = "API token, when the server wants one.", def = "${LM_API_TOKEN:}") Optional<Secret> token,
            @Setting(value = "Whether the model is loaded after it was installed.", def = "true") boolean load,
            @Setting(value = "Whether system prompt, temperature and context length become the file's defaults in LM Studio's window. Undocumented by its makers; written to `.internal/user-concrete-model-default-config`.",
                    def = "true") boolean defaults) {
    }

    /** An Ollama server. */
    public record Ollama(
            @Setting(value = "Whether releases go to Ollama.", def = "false") boolean enabled,
            @Setting(value = "Address of Ollama's server.", def = "http://127.0.0.1:11434") URI apiUrl) {
    }
}
