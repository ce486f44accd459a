package dev.adapterferry.source;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What a trainer noted about its own progress: {@code trainer_state.json} of transformers, or the last line of
 * LLaMA-Factory's {@code trainer_log.jsonl}.
 *
 * @param file      where it was read
 * @param step      optimizer steps done
 * @param maxSteps  steps in all, 0 when not said
 * @param saveSteps steps between checkpoints, 0 when not said
 * @param ended     the log says that training ran to its end
 * @param stopped   the trainer was told to stop
 * @param best      plain name of the best checkpoint's folder, empty when none is named
 */
record TrainerLog(FileEntry file, long step, long maxSteps, long saveSteps, boolean ended, boolean stopped, String best) {
    private static final ObjectMapper JSON = JsonMapper.builder().build();
    private static final int MAX_BYTES = 12 << 20;
    private static final int LAST_LINES = 4 << 10;

    /** Whether the last step was done. */
    boolean complete() {
        return ended || maxSteps > 0 && step >= maxSteps;
    }

    /** Reads a {@code trainer_state.json}; empty when it is no such file, or half-written. */
    static Optional<TrainerLog> state(FileTree tree, FileEntry file) {
        if (file.size() > MAX_BYTES || !file.refusal().isEmpty()) {
            return Optional.empty();
        }
        try {
            JsonNode state = JSON.readTree(tree.read(file, 0, (int) file.size()));
            if (state == null || !state.path("global_step").canConvertToLong()) {
                return Optional.empty();
            }
            boolean ended = false;
            for (JsonNode entry : state.path("log_history")) {
                ended |= entry.has("train_runtime");
            }
            boolean stopped = state.at("/stateful_callbacks/TrainerControl/args/should_training_stop").asBoolean(false);
            String best = state.path("best_model_checkpoint").asText("");
            return Optional.of(new TrainerLog(file, state.path("global_step").asLong(), state.path("max_steps").asLong(0), state.path("save_steps").asLong(0),
                    ended, stopped, state.path("best_model_checkpoint").isTextual() ? best.replaceAll("/+$", "").replaceAll(".*/", "") : ""));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Reads the last whole line of a {@code trainer_log.jsonl}. */
    static Optional<TrainerLog> lines(FileTree tree, FileEntry file) {
        if (!file.refusal().isEmpty() || file.size() == 0) {
            return Optional.empty();
        }
        long from = Math.max(0, file.size() - LAST_LINES);
        String[] lines = new String(tree.read(file, from, LAST_LINES), StandardCharsets.UTF_8).split("\n");
        for (int i = lines.length - 1; i >= 0; i--) {
            try {
                JsonNode line = JSON.readTree(lines[i]);
                if (line != null && line.path("current_steps").canConvertToLong()) {
                    return Optional.of(new TrainerLog(file, line.path("current_steps").asLong(), line.path("total_steps").asLong(0), 0, false, false, ""));
                }
            } catch (IOException e) {
                // a line that was cut at the start of the piece, or is being written; the one before it will do
            }
        }
        return Optional.empty();
    }
}
