package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** How adapters are pulled: section {@code source}. */
public record SourceSettings(
        @Setting(value = "How files are transferred. `auto`: ranged SFTP, else rsync, else scp.", def = "auto") Transfer transfer,
        @Setting(value = "SFTP channels that share one file.", def = "4", min = 1, max = 64) int channels,
        @Setting(value = "Files transferred at once.", def = "2", min = 1, max = 64) int parallelFiles,
        @Setting(value = "Models pulled at once by `ferry pull --all`.", def = "2", min = 1, max = 64) int parallelModels,
        @Setting("Most bytes per second for all transfers of one pull together, such as `20MB`. Without it no limit.") Optional<Size> bandwidthLimit,
        @Setting(value = "What becomes of the instance once every hash is verified. `destroy` deletes its disk.", def = "keep") AfterPull afterPull,
        @Setting(value = "Whether the pulled adapter is kept in `archives/` as well, as `MODEL-IDENTITY.tar.zst`.", def = "none") Archive archive,
        @Setting(value = "Time limit for making a connection.", def = "15s") Duration connectTimeout,
        @Setting(value = "Longest silence of a transfer before it is given up and tried again.", def = "30s") Duration timeout,
        @Setting(value = "How long the remote files must stay unchanged before they count as finished.", def = "5s") Duration settle,
        @Setting(value = "Whether an adapter is taken although its training did not reach the last step.", def = "false") boolean acceptUnfinished,
        @Setting(value = "Which weights are taken when there are several.", def = "auto") Checkpoint checkpoint,
        @Setting(value = "Largest file that is believed.", def = "100GB") Size maxFileSize,
        @Setting(value = "When sources other than vast.ai are looked at: a Quartz schedule, seconds first.", def = "{{vast.poll}}") Cron poll,
        @Setting("Object stores (`s3://`).") S3 s3) {

    /** How files are transferred. */
    public enum Transfer { AUTO, SFTP, RSYNC, SCP }

    /** What becomes of the instance after a verified pull. */
    public enum AfterPull { KEEP, STOP, DESTROY }

    /** How a pulled adapter is archived. */
    public enum Archive { NONE, ZSTD }

    /** Which weights are taken: the root's, the best checkpoint's, the last one's; {@code AUTO} prefers them in this order. */
    public enum Checkpoint { AUTO, ROOT, BEST, LAST }

    /** An S3-compatible object store. */
    public record S3(
            @Setting("Address of the store. Without it Amazon's.") Optional<URI> endpoint,
            @Setting(value = "Region.", def = "${AWS_REGION:us-east-1}") String region,
            @Setting(value = "Access key.", def = "${AWS_ACCESS_KEY_ID:}") Optional<Secret> accessKey,
            @Setting(value = "Secret key.", def = "${AWS_SECRET_ACCESS_KEY:}") Optional<Secret> secretKey,
            @Setting(value = "Whether buckets are addressed by path, as most stores other than Amazon's want it.", def = "false") boolean pathStyle) {
    }
}
