package dev.adapterferry.source;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Path;

/** Where an adapter is to come from, as settings or the command line say it. */
public sealed interface SourceSpec {
    /**
     * A rented instance.
     *
     * @param instance its id
     * @param path     the training's output folder there
     */
    record Vast(long instance, String path) implements SourceSpec { }

    /**
     * Any SSH host.
     *
     * @param endpoint {@code ssh://user@host:port}
     * @param path     the training's output folder there; {@code ~/...} is below the home folder
     */
    record Ssh(String endpoint, String path) implements SourceSpec { }

    /**
     * A folder on this machine.
     *
     * @param path the folder
     */
    record Folder(Path path) implements SourceSpec { }

    /**
     * An adapter repository on the Hugging Face Hub.
     *
     * @param repository {@code org/name}
     * @param revision   branch, tag or commit; {@code main} when not said
     */
    record Hub(String repository, String revision) implements SourceSpec { }

    /**
     * An S3-compatible bucket.
     *
     * @param bucket its name
     * @param prefix what the adapter's keys begin with, without a slash at the end; may be empty
     */
    record S3(String bucket, String prefix) implements SourceSpec { }

    /**
     * Reads {@code vast://ID/path}, {@code ssh://user@host:port/path}, {@code hf://org/name[@revision]},
     * {@code s3://bucket/prefix}, or a local path. A path of an SSH address that begins with {@code /~/} is below the home
     * folder.
     *
     * @throws SettingsException when the text is none of these
     */
    static SourceSpec parse(String text) {
        int scheme = text.indexOf("://");
        if (scheme < 0) {
            if (text.isBlank()) {
                throw new SettingsException("The source is empty; write a folder, ssh://user@host:port/path, vast://ID/path, hf://org/name or s3://bucket/prefix.");
            }
            return new Folder(Path.of(text));
        }
        String rest = text.substring(scheme + 3);
        int slash = rest.indexOf('/');
        String authority = slash < 0 ? rest : rest.substring(0, slash);
        String path = slash < 0 ? "" : rest.substring(slash);
        return switch (text.substring(0, scheme)) {
            case "ssh" -> new Ssh("ssh://" + authority, needed(path.startsWith("/~/") || path.equals("/~") ? path.substring(1) : path, text, "/path"));
            case "vast" -> {
                if (!authority.matches("\\d{1,18}")) {
                    throw new SettingsException("'" + text + "' names no instance; write vast://ID/path with the number that vast.ai shows.");
                }
                yield new Vast(Long.parseLong(authority), needed(path, text, "/path"));
            }
            case "hf" -> {
                int at = rest.indexOf('@');
                String repository = at < 0 ? rest : rest.substring(0, at);
                if (!repository.matches("[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")) {
                    throw new SettingsException("'" + text + "' names no repository; write hf://org/name or hf://org/name@revision.");
                }
                yield new Hub(repository, at < 0 ? "main" : needed(rest.substring(at + 1), text, "a revision after @"));
            }
            case "s3" -> new S3(needed(authority, text, "a bucket"), path.replaceAll("^/+|/+$", ""));
            case "file" -> new Folder(Path.of(java.net.URI.create(text)));
            default -> throw new SettingsException("'" + text + "' is no source that is known; write a folder, ssh://user@host:port/path, vast://ID/path, hf://org/name or s3://bucket/prefix.");
        };
    }

    private static String needed(String part, String text, String what) {
        if (part.isBlank() || part.equals("/")) {
            throw new SettingsException("The source '" + text + "' lacks " + what + ".");
        }
        return part;
    }
}
