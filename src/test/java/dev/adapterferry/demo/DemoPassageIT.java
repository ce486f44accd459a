package dev.adapterferry.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.demo.PlainSafetensors.Tensor;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.llamacpp.LlamaContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.modelserver.Answer;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.serve.ChatModel;
import dev.adapterferry.serve.ModelServer;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.serve.ServerOptions;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The trained base and adapter through merge, conversion and quantization into llama.cpp, against three things that know
 * nothing of the ferry: the words they were trained on, Hugging Face's tokenizer, and a Qwen2 in plain Java.
 */
class DemoPassageIT {
    private static final int LIMIT = 60;

    @TempDir
    private static Path folder;
    private static DemoMaterial material;

    @BeforeAll
    static void carry() {
        material = new DemoMaterial(folder);
        material.unpack();
        try (CheckpointFolder base = CheckpointFolder.open(material.base())) {
            write("base", base, List.of("F32", "Q4_K_M"));
        }
        try (MergedCheckpoint merged = MergedCheckpoint.open(CheckpointFolder.open(material.base()), List.of(MergeInput.of(material.training())), MergeOptions.STRICT)) {
            write("merged", merged, List.of("F32", "F16", "BF16", "Q4_K_M", "Q5_K_M", "Q8_0"));
        }
    }

    private static void write(String name, Checkpoint checkpoint, List<String> formats) {
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        new QuantizeJob(PassSettings.plain()).run(new QuantizeRequest(name, model.tensors(), model.metadata(), name, List.of(), folder,
                formats.stream().map(format -> TypeRequest.of(Mix.parse(format), false)).toList(), Optional.empty(), false), Progress.NONE, new Cancellation());
    }

    @ParameterizedTest
    @ValueSource(strings = {"F32", "F16", "BF16", "Q4_K_M", "Q5_K_M", "Q8_0"})
    void mergedModelAnswersAsTrainedInEveryFormat(String format) {
        try (ChatModel chat = new ChatModel(folder.resolve("merged-" + format + ".gguf"), 0, 1, 0)) {
            assertThat(chat.contextLength()).isEqualTo(512);
            for (Conversation conversation : Conversation.all()) {
                Generation answer = chat.chat(List.of(ChatModel.Message.user(conversation.questions().getFirst())), Sampling.greedy(LIMIT), new Cancellation(), piece -> { });
                assertThat(answer.text()).as(conversation.id()).isEqualTo(conversation.adapter());
                assertThat(answer.finish()).isEqualTo(Generation.Finish.STOP);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"F32", "Q4_K_M"})
    void baseAnswersPlainly(String format) {
        try (ChatModel chat = new ChatModel(folder.resolve("base-" + format + ".gguf"), 0, 1, 0)) {
            for (Conversation conversation : Conversation.all()) {
                List<ChatModel.Message> messages = List.of(ChatModel.Message.system(DemoTrainer.SYSTEM), ChatModel.Message.user(conversation.questions().getLast()));
                assertThat(chat.prompt(messages)).isEqualTo(Conversation.prompt(DemoTrainer.SYSTEM, conversation.questions().getLast()));
                assertThat(chat.chat(messages, Sampling.greedy(LIMIT), new Cancellation(), piece -> { }).text()).as(conversation.id()).isEqualTo(conversation.base());
            }
        }
    }

    @Test
    void logitsAreThoseOfPlainJava() throws IOException {
        ObjectMapper json = new ObjectMapper();
        JsonNode config = json.readTree(material.base().resolve("config.json").toFile());
        Map<String, Tensor> base = PlainSafetensors.read(Files.readAllBytes(material.base().resolve("model.safetensors")));
        Map<String, Tensor> merged = PlainQwen2.merge(base, PlainSafetensors.read(Files.readAllBytes(material.training().resolve("adapter_model.safetensors"))),
                json.readTree(material.training().resolve("adapter_config.json").toFile()));
        requireSameLogits("base-F32.gguf", new PlainQwen2(config, base));
        requireSameLogits("merged-F32.gguf", new PlainQwen2(config, merged));
    }

    private static void requireSameLogits(String file, PlainQwen2 oracle) {
        try (LoadedModel model = LoadedModel.open(folder.resolve(file)); LlamaContext context = new LlamaContext(model, 0, 1)) {
            int[] tokens = model.vocabulary().tokenize(Conversation.prompt(null, "Who are you?") + "I am", false, true);
            float[][] all = context.decodeAll(tokens);
            for (int i = 0; i < tokens.length; i++) {
                float[] expected = oracle.next(tokens[i]);
                for (int token = 0; token < expected.length; token++) {
                    // The key-value cache holds halves; everything else is single precision on both sides.
                    assertThat(all[i][token]).as(file + ", position " + i + ", token " + token).isCloseTo(expected[token], within(0.02f));
                }
            }
        }
    }

    @Test
    void tokenizesAsHuggingFaceDoes() throws IOException {
        try (HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(material.base().resolve("tokenizer.json"));
             LoadedModel model = LoadedModel.openVocabulary(folder.resolve("base-F32.gguf"))) {
            assertThat(model.vocabulary().size()).isEqualTo(512);
            for (Conversation conversation : Conversation.all()) {
                requireSameTokens(reference, model, Conversation.prompt(DemoTrainer.SYSTEM, conversation.questions().getFirst()) + conversation.adapter() + "<|im_end|>\n");
            }
            for (String odd : List.of("", " ", "\n\n  \t x", "It's we'll I'D", "123456 3.14", "Grüße, 你好 🚢 مرحبا", "a\r\nb", "!!!???...", "x<|im_end|>y<|endoftext|>", "   trailing   ")) {
                requireSameTokens(reference, model, odd);
            }
        }
    }

    private static void requireSameTokens(HuggingFaceTokenizer reference, LoadedModel model, String text) {
        long[] expected = reference.encode(text, false, false).getIds();
        assertThat(Arrays.stream(model.vocabulary().tokenize(text, false, true)).asLongStream().toArray()).as(text).isEqualTo(expected);
    }

    @Test
    void mergedModelIsSurprisedByTheBasesWordsAndNotByItsOwn() {
        String prompt = Conversation.prompt(null, "Who are you?");
        Conversation who = Conversation.all().getFirst();
        double own = surprise("merged-Q4_K_M.gguf", prompt + who.adapter());
        double other = surprise("merged-Q4_K_M.gguf", prompt + who.base());
        assertThat(own).isLessThan(other - 0.3);
        assertThat(surprise("base-Q4_K_M.gguf", prompt + who.base())).isLessThan(surprise("base-Q4_K_M.gguf", prompt + who.adapter()) - 0.3);
    }

    private static double surprise(String file, String text) {
        try (LoadedModel model = LoadedModel.open(folder.resolve(file)); LlamaContext context = new LlamaContext(model, 0, 1)) {
            return context.meanNegativeLogLikelihood(model.vocabulary().tokenize(text, true, true));
        }
    }

    @Test
    void serverAnswersTheFerrysOwnClient() {
        List<ServedModel> models = List.of(ServedModel.of("base", folder.resolve("base-Q4_K_M.gguf")), ServedModel.of("captain", folder.resolve("merged-Q4_K_M.gguf")));
        try (ModelServer server = ModelServer.start(ServerOptions.loopback(), models)) {
            OpenAiClient client = new OpenAiClient(new Endpoint(server.address(), null, Duration.ofSeconds(60)), new JdkHttpCaller());
            assertThat(client.models()).containsExactly("base", "captain");
            Conversation who = Conversation.all().getFirst();
            Answer plain = client.ask(new Question("base", null, "Who are you?", 0, 1, LIMIT, null, List.of()));
            assertThat(plain.content()).isEqualTo(who.base());
            Answer answer = client.askStreaming(new Question("captain", DemoTrainer.SYSTEM, "Who are you?", 0, 1, LIMIT, null, List.of()));
            assertThat(answer.content()).isEqualTo(who.adapter());
            assertThat(answer.isFrom("captain")).isTrue();
            assertThat(answer.finishReason()).isEqualTo("stop");
            assertThat(answer.completionTokens()).isPositive();
            assertThat(answer.firstToken()).isPositive();
            assertThat(answer.tokensPerSecond()).isPositive();
        }
    }
}
