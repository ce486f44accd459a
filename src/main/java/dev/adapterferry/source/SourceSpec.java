package dev.adapterferry.source;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Path;
import java.util.Locale;

/** Where an adapter is to come from, as settings or the command line say it. */
public sealed interface SourceSpec {
    /** How sources are written, for messages. */
    String FORMS = "a folder, ssh://user@host:port/path, vast://ID/path, hf:org/name or s3://bucket/prefix";

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
     * Reads {@code vast://ID/path}, {@code ssh://user@host:port/path} (or {@code sftp://}), {@code hf:org/name[@revision]},
     * {@code s3://bucket/prefix}, {@code file:/path} or a plain local path. A path of an SSH address that begins with
     * {@code /~/} is below the home folder.
     *
     * @throws SettingsException when the text is none of these
     */
    static SourceSpec parse(String text) {
        int colon = text.indexOf(':');
        String scheme = colon < 0 ? "" : text.substring(0, colon).toLowerCase(Locale.ROOT);
        if (colon < 2) { // no scheme, or a drive letter
            if (text.isBlank()) {
                throw new SettingsException("The source is empty; write " + FORMS + ".");
            }
            return new Folder(Path.of(text));
        }
        String rest = text.substring(colon + 1).replaceFirst("^//", "");
        int slash = rest.indexOf('/');
        String authority = slash < 0 ? rest : rest.substring(0, slash);
        String path = slash < 0 ? "" : rest.substring(slash);
        return switch (scheme) {
            case "ssh", "sftp" -> new Ssh("ssh://" + authority, needed(path.startsWith("/~/") || path.equals("/~") ? path.substring(1) : path, text, "a path on the machine"));
            case "vast" -> {
                if (!authority.matches("\\d{1,18}")) {
                    throw new SettingsException("'" + text + "' names no instance; write vast://ID/path with the number that vast.ai shows.");
                }
                yield new Vast(Long.parseLong(authority), needed(path, text, "a path on the instance"));
            }
            case "hf" -> hub(rest, text);
            case "s3" -> new S3(needed(authority, text, "a bucket"), path.replaceAll("^/+|/+$", ""));
            case "file" -> new Folder(Path.of(text.substring(colon + 1).replaceFirst("^//+", "/")));
            default -> throw new SettingsException("'" + text + "' is no source that is known; write " + FORMS + ".");
        };
    }

    private static Hub hub(String rest, String text) {
        int at = rest.indexOf('@');
        String repository = at < 0 ? rest : rest.substring(0, at);
        if (!repository.matches("[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?") || repository.contains("..")) {
            throw new SettingsException("'" + text + "' names no repository; write hf:org/name or hf:org/name@revision.");
        }
        return new Hub(repository, at < 0 ? "main" : needed(rest.substring(at + 1), text, "a revision after @"));
    }

    private static String needed(String part, String text, String what) {
        if (part.isBlank() || part.equals("/")) {
            throw new SettingsException("The source '" + text + "' lacks " + what + ".");
        }
        return part;
    }
}
