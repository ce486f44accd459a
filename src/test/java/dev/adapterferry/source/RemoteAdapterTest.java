package dev.adapterferry.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.Pause;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which adapter a training's folder holds and whether it is finished, over folders like those that trainers leave. */
class RemoteAdapterTest {
    @TempDir
    Path dir;
    private AdapterFixture training;
    private Pause pause = time -> { };

    @BeforeEach
    void makeAFolder() {
        training = new AdapterFixture(dir.resolve("out"));
    }

    private RemoteAdapter find() {
        return find(RemoteAdapter.Choice.AUTO);
    }

    private RemoteAdapter find(RemoteAdapter.Choice choice) {
        return RemoteAdapter.find(new LocalTree(training.root()), new RemoteAdapter.Look(Duration.ofSeconds(1), choice, 1L << 30), time -> pause.pause(time));
    }

    private void isFound(RemoteAdapter adapter, TrainingState.Kind kind, String folder, String progress) {
        assertThat(adapter.state().kind()).as(adapter.state().why()).isEqualTo(kind);
        assertThat(adapter.folder()).isEqualTo(folder);
        assertThat(adapter.state().progress()).isEqualTo(progress);
    }

    @Test
    void takesAnAdapterWhoseConfigurationWasSavedLast() {
        training.peft("", 4096, 1);
        isFound(find(), TrainingState.Kind.FINISHED, "", "");
        assertThat(find().files().keySet()).containsExactlyInAnyOrder("adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "README.md");
    }

    @Test
    void takesTheFinalAdapterOverCheckpointsAndLeavesOptimizerStateBehind() {
        training.checkpoint(200, 400, 1).checkpoint(400, 400, 2).peft("", 4096, 3).bytes("", "training_args.bin", new byte[100]).bytes("", "optimizer.pt", new byte[100]);
        RemoteAdapter adapter = find();
        isFound(adapter, TrainingState.Kind.FINISHED, "", "step 400 of 400");
        assertThat(adapter.files().values()).noneMatch(f -> f.name().matches(".*(optimizer|rng_state|training_args\\.bin).*"));
    }

    @Test
    void takesTheLastCheckpointWhenTheScriptSavedNoFinalAdapter() {
        training.checkpoint(200, 400, 1).checkpoint(400, 400, 2);
        isFound(find(), TrainingState.Kind.FINISHED, "checkpoint-400", "step 400 of 400");
        isFound(find(RemoteAdapter.Choice.LAST), TrainingState.Kind.FINISHED, "checkpoint-400", "step 400 of 400");
    }

    @Test
    void takesTheCheckpointThatTheTrainerCallsBest() {
        training.checkpoint(1000, 9000, 1).checkpoint(9000, 9000, 2).file("checkpoint-9000", "trainer_state.json",
                AdapterFixture.state(9000, 9000, ",\"best_model_checkpoint\":\"/workspace/elsewhere/checkpoint-1000/\""));
        isFound(find(), TrainingState.Kind.FINISHED, "checkpoint-1000", "step 9000 of 9000");
        isFound(find(RemoteAdapter.Choice.LAST), TrainingState.Kind.FINISHED, "checkpoint-9000", "step 9000 of 9000");
    }

    @Test
    void comparesCheckpointsByNumber() {
        training.checkpoint(1000, 1000, 2).checkpoint(200, 1000, 1);
        isFound(find(), TrainingState.Kind.FINISHED, "checkpoint-1000", "step 1000 of 1000");
    }

    @Test
    void leavesARunningTrainingAloneAndTellsItsProgress() {
        training.file("", "adapter_config.json", AdapterFixture.config(false)).checkpoint(120, 450, 1);
        isFound(find(), TrainingState.Kind.RUNNING, "checkpoint-120", "step 120 of 450");
    }

    @Test
    void waitsForWeightsBehindAConfigurationThatWasWrittenBeforeTraining() {
        training.file("", "adapter_config.json", AdapterFixture.config(false)).file("", "tokenizer.json", "{}");
        isFound(find(), TrainingState.Kind.RUNNING, "", "");
        assertThat(find().files()).isEmpty();
    }

    @Test
    void readsTheProgressOfLlamaFactory() {
        training.file("", "trainer_log.jsonl", "{\"current_steps\": 10, \"total_steps\": 90}\n{\"current_steps\": 20, \"total_steps\": 90}\n{\"current_st");
        isFound(find(), TrainingState.Kind.RUNNING, "", "step 20 of 90");
    }

    @Test
    void believesLlamaFactorysFinalState() {
        training.file("", "trainer_log.jsonl", "{}").peft("", 4096, 1).file("", "adapter_config.json", AdapterFixture.config(false)).file("", "trainer_state.json", AdapterFixture.state(90, 90, ""));
        isFound(find(), TrainingState.Kind.FINISHED, "", "step 90 of 90");
        training.file("", "trainer_state.json", AdapterFixture.state(40, 90, ""));
        isFound(find(), TrainingState.Kind.STOPPED_EARLY, "", "step 40 of 90");
    }

    @Test
    void seesThatAnotherTrainingHasBegunInTheSameFolder() {
        training.peft("", 4096, 1).checkpoint(10, 100, 2);
        isFound(find(), TrainingState.Kind.RUNNING, "", "step 10 of 100");
    }

    @Test
    void tellsAnEarlyEndFromALastStepThatIsNoCheckpoint() {
        training.checkpoint(400, 450, 1).file("checkpoint-400", "trainer_state.json", AdapterFixture.state(400, 450, ",\"save_steps\":100")).peft("", 4096, 2);
        isFound(find(), TrainingState.Kind.FINISHED, "", "step 400 of 450");
        training.checkpoint(200, 450, 1).file("checkpoint-400", "trainer_state.json", AdapterFixture.state(200, 450, ",\"save_steps\":100")).peft("", 4096, 2);
        isFound(find(), TrainingState.Kind.STOPPED_EARLY, "", "step 200 of 450");
    }

    @Test
    void noticesATrainerThatWasToldToStop() {
        training.checkpoint(30, 450, 1).file("checkpoint-30", "trainer_state.json",
                AdapterFixture.state(30, 450, ",\"stateful_callbacks\":{\"TrainerControl\":{\"args\":{\"should_training_stop\":true}}}"));
        isFound(find(), TrainingState.Kind.STOPPED_EARLY, "checkpoint-30", "step 30 of 450");
    }

    @Test
    void believesATrainRuntimeInTheHistory() {
        training.checkpoint(30, 0, 1).file("checkpoint-30", "trainer_state.json", "{\"global_step\":30,\"max_steps\":-1,\"log_history\":[{\"train_runtime\":5.0}]}");
        isFound(find(), TrainingState.Kind.FINISHED, "checkpoint-30", "step 30");
    }

    @Test
    void isUnsureWhenTheConfigurationIsOlderThanTheWeights() {
        training.peft("", 4096, 1).bytes("", "adapter_model.safetensors", AdapterFixture.weights(4096, 2));
        isFound(find(), TrainingState.Kind.UNKNOWN, "", "");
    }

    @Test
    void takesWeightsThatAreCutShortForUnfinished() throws Exception {
        training.peft("", 4096, 1);
        try (RandomAccessFile file = new RandomAccessFile(training.root().resolve("adapter_model.safetensors").toFile(), "rw")) {
            file.setLength(file.length() - 1);
        }
        assertThat(find().state().kind()).isEqualTo(TrainingState.Kind.RUNNING);
        assertThat(find().state().why()).contains("adapter_model.safetensors").contains("the tensors end at byte");
        Files.write(training.root().resolve("adapter_model.safetensors"), new byte[] {1, 2, 3});
        assertThat(find().state().why()).contains("no header");
    }

    @Test
    void noticesAFileThatChangesBetweenTwoLooks() {
        training.peft("", 4096, 1);
        pause = time -> training.bytes("", "adapter_model.safetensors", AdapterFixture.weights(8192, 2));
        isFound(find(), TrainingState.Kind.RUNNING, "", "");
        assertThat(find().state().why()).contains("adapter_model.safetensors changed");
    }

    @Test
    void noticesACheckpointThatIsRotatedAwayBetweenTwoLooks() {
        training.checkpoint(10, 10, 1);
        pause = time -> {
            try {
                Files.deleteIfExists(training.root().resolve("checkpoint-10/adapter_model.safetensors"));
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        };
        assertThat(find().state().why()).contains("vanished");
    }

    @Test
    void refusesAnEmptyAdapterForGood() {
        training.peft("", 4096, 1).bytes("", "adapter_model.safetensors", AdapterFixture.safetensors("{\"__metadata__\":{\"format\":\"pt\"}}", 0, 0));
        assertThatThrownBy(this::find).isExactlyInstanceOf(FerryException.class).hasMessageContaining("not a single tensor");
        training.bytes("", "adapter_model.safetensors", AdapterFixture.safetensors("{\"x.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, 0));
        assertThatThrownBy(this::find).hasMessageContaining("'x.lora_A.weight' is empty");
        training.bytes("", "adapter_model.safetensors", AdapterFixture.safetensors("{\"x.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, 0));
        assertThatThrownBy(this::find).hasMessageContaining("has no lora_B");
    }

    @Test
    void takesOnlyTheConvertedAdapterOfAPissaRun() {
        training.peft("", 4096, 1).peft("pissa_init", 4096, 2);
        assertThatThrownBy(this::find).hasMessageContaining("PiSSA").hasMessageContaining("pissa_converted");
        training.peft("pissa_converted", 4096, 3);
        assertThat(find().folder()).isEqualTo("pissa_converted");
    }

    @Test
    void findsAnAdapterThatWasSavedUnderItsName() {
        training.peft("support", 4096, 1).file("", "chat_template.jinja", "{{ root }}");
        isFound(find(), TrainingState.Kind.FINISHED, "support", "");
        assertThat(find().files()).containsKey("chat_template.jinja");
        training.peft("sales", 4096, 2);
        assertThatThrownBy(this::find).hasMessageContaining("several adapters").hasMessageContaining("sales, support");
    }

    @Test
    void refusesShardsThatAreNotAllThere() {
        training.peft("", 4096, 1).bytes("", "adapter_model-00001-of-00002.safetensors", AdapterFixture.weights(64, 1));
        assertThat(training.root().resolve("adapter_model.safetensors").toFile().delete()).isTrue();
        assertThatThrownBy(this::find).hasMessageContaining("in pieces and some are missing");
    }

    @Test
    void saysWhatIsThereWhenThereIsNoAdapter() {
        training.file("", "notes.txt", "").file("", "model.gguf", "");
        assertThatThrownBy(this::find).hasMessageContaining("There is no adapter").hasMessageContaining("model.gguf, notes.txt").hasMessageContaining("Name the folder");
        training.file("", "adapters.safetensors", "");
        assertThatThrownBy(this::find).hasMessageContaining("mlx-lm");
    }

    @Test
    void saysThatTheConfigurationIsMissing() {
        training.bytes("", "adapter_model.safetensors", AdapterFixture.weights(64, 1));
        assertThatThrownBy(this::find).hasMessageContaining("adapter_config.json is missing");
    }

    @Test
    void refusesLinksOutOfTheFolderAndFollowsThoseInside() throws Exception {
        training.checkpoint(5, 5, 1).peft("", 4096, 1);
        Path weights = training.root().resolve("adapter_model.safetensors");
        Files.delete(weights);
        Files.createSymbolicLink(weights, Path.of("checkpoint-5/adapter_model.safetensors"));
        assertThat(find().files()).containsKey("adapter_model.safetensors");
        Files.delete(weights);
        Files.createSymbolicLink(weights, Files.write(dir.resolve("elsewhere.safetensors"), AdapterFixture.weights(64, 1)));
        assertThatThrownBy(this::find).isExactlyInstanceOf(FerryException.class).hasMessageContaining("Refusing").hasMessageContaining("link out of the folder");
    }

    @Test
    void refusesASparseFileOfTerabytesWithoutReadingIt() throws Exception {
        training.peft("", 4096, 1);
        try (RandomAccessFile file = new RandomAccessFile(training.root().resolve("adapter_model.safetensors").toFile(), "rw")) {
            file.setLength(10L << 40);
        }
        assertThatThrownBy(this::find).isExactlyInstanceOf(FerryException.class).hasMessageContaining("Refusing").hasMessageContaining(Long.toString(10L << 40));
    }
}
