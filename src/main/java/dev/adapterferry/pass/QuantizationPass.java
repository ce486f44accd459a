package dev.adapterferry.pass;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.ToolVersion;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The pass: reads every row once as f32, encodes it for every output, writes all outputs in place, hashes them on the
 * way, and gives them their names when all are complete.
 *
 * <p>The result does not depend on the number of threads. Memory is bounded by threads times row block. With a journal,
 * a pass that was killed, cancelled, or met a full disk goes on where it stood when the same request is run again, and
 * ends with the same bytes; its files ({@code .part}) and the journal stay for that. After any other failure, and
 * without a journal after every one, nothing stays.
 */
public final class QuantizationPass {
    private static final int BLOCKS_PER_CHECKPOINT = 64;

    private final PassSettings settings;
    private final int blockWeights;
    private final int blocksPerCheckpoint;

    /** @param settings how passes run on this machine */
    public QuantizationPass(PassSettings settings) {
        this(settings, RowBlock.USUAL_WEIGHTS, BLOCKS_PER_CHECKPOINT);
    }

    /** For tests: small blocks and frequent checkpoints. */
    QuantizationPass(PassSettings settings, int blockWeights, int blocksPerCheckpoint) {
        this.settings = settings;
        this.blockWeights = blockWeights;
        this.blocksPerCheckpoint = blocksPerCheckpoint;
    }

    /**
     * Runs a pass. One call at a time per set of outputs; a second process is refused.
     *
     * @param request      what to make
     * @param progress     hears of bytes and tensors done
     * @param cancellation stops it within a row block
     * @return the finished files and their hashes
     * @throws Cancelled      when asked to stop
     * @throws FerryException when a value is not finite or does not fit its type (naming tensor and row), the disk is full or
     *                        refuses, or a source file changed
     */
    public PassResult run(PassRequest request, Progress progress, Cancellation cancellation) {
        return run(request, progress, cancellation, result -> { });
    }

    /**
     * Runs a pass whose files somebody is to look at before it counts as done: killed or cancelled meanwhile, it is taken up with all that it wrote.
     *
     * @param proof looks at the finished files; throws when they are not what they should be
     * @see #run(PassRequest, Progress, Cancellation)
     */
    public PassResult run(PassRequest request, Progress progress, Cancellation cancellation, Consumer<PassResult> proof) {
        long started = System.nanoTime();
        WatchedFiles watched = new WatchedFiles(request.inputs());
        Attempt attempt = new Attempt(settings, Workload.of(request, blockWeights), blocksPerCheckpoint, ToolVersion.text());
        try {
            attempt.open(cancellation);
            attempt.work(watched, progress, cancellation);
            attempt.verify();
            watched.check();
            cancellation.check("quantize " + request.name());
            attempt.publish();
            PassResult result = attempt.result(Duration.ofNanos(System.nanoTime() - started));
            request.manifest().ifPresent(file -> Manifest.write(file, request, ToolVersion.text(), result.files()));
            proof.accept(result);
            attempt.finish();
            return result;
        } catch (IOException e) {
            FerryException failure = new FerryException("Cannot quantize " + request.name() + ": " + Durable.reason(e) + ".", e);
            attempt.abandon(true, failure);
            throw failure;
        } catch (FerryException e) {
            attempt.abandon(e instanceof Cancelled || e instanceof TransientFailure || e instanceof WriteFailure, e);
            throw e;
        } catch (RuntimeException | Error e) {
            attempt.abandon(true, e);
            throw e;
        }
    }
}
