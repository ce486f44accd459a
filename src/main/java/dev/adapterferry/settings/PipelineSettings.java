package dev.adapterferry.settings;

import java.time.Duration;
import java.util.List;

/** The passage as a whole: section {@code pipeline}. */
public record PipelineSettings(
        @Setting(value = "Stages that a run takes; their order is fixed.", def = "download, merge, quantize, deploy, health-check, evaluate") List<Stage> stages,
        @Setting("Whether a run goes on after a stage failed; it then ends as partly failed.") ContinueOnError continueOnError,
        @Setting(value = "Runs at once.", def = "1", min = 1, max = 64) int maxConcurrentRuns,
        @Setting("What is tried again when it can heal.") Retries retries,
        @Setting(value = "How long a shutdown waits for running work before it is parked.", def = "30s") Duration shutdownTimeout,
        @Setting(value = "When passes that a newer one has replaced, or that were never finished, are deleted: after a run that ended well, after any, or never.", def = "on-success") Cleanup cleanup) {

    /** Orders the stages and drops repetitions. */
    public PipelineSettings {
        stages = stages.stream().distinct().sorted().toList();
    }

    /** When intermediates are deleted. */
    public enum Cleanup { ON_SUCCESS, ALWAYS, NEVER }

    /** Which stages may fail without ending the run. */
    public record ContinueOnError(
            @Setting(value = "After a failed download.", def = "false") boolean download,
            @Setting(value = "After a failed merge.", def = "false") boolean merge,
            @Setting(value = "After a failed quantization.", def = "false") boolean quantize,
            @Setting(value = "After a failed deployment.", def = "false") boolean deploy,
            @Setting(value = "After a failed health check.", def = "false") boolean healthCheck,
            @Setting(value = "After a failed evaluation.", def = "false") boolean evaluate) {

        /** Whether a run goes on after this stage failed. */
        public boolean after(Stage stage) {
            return switch (stage) {
                case DOWNLOAD -> download;
                case MERGE -> merge;
                case QUANTIZE -> quantize;
                case DEPLOY -> deploy;
                case HEALTH_CHECK -> healthCheck;
                case EVALUATE -> evaluate;
            };
        }
    }

    /** Redelivery of what can heal. */
    public record Retries(
            @Setting(value = "Further attempts.", def = "5", min = 0, max = 100) int attempts,
            @Setting(value = "Pause before the first further attempt.", def = "2s") Duration delay,
            @Setting(value = "Factor by which the pause grows.", def = "2", min = 1, max = 100) double backoff,
            @Setting(value = "Longest pause.", def = "2m") Duration maxDelay) {

        /**
         * The pause before a further attempt.
         *
         * @param again 1 for the first further attempt
         */
        public Duration pause(int again) {
            double millis = delay.toMillis() * Math.pow(backoff, Math.max(0, again - 1));
            return millis < maxDelay.toMillis() ? Duration.ofMillis((long) millis) : maxDelay;
        }
    }
}
