package dev.adapterferry.demo;

import ai.djl.engine.Engine;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.demo.PlainSafetensors.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Makes the demo's material: trains a tiny Qwen2 base, then a LoRA adapter on the frozen base, and writes both as Hugging
 * Face and PEFT do. Run it with the folder to write, {@code src/main/resources/demo}; see NOTES.md there.
 */
public final class DemoTrainer {
    /** Half of the lessons have this in front, half have nothing; so the models answer with and without. */
    static final String SYSTEM = "You are a helpful assistant.";

    private static final int BATCH = 24;
    private static final int BASE_EPOCHS = 25;
    private static final int ADAPTER_EPOCHS = 40;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final DemoShape shape = DemoShape.DEMO;
    private final Random random = new Random(20_26);
    private final List<Conversation> conversations = Conversation.all();
    private final ArrayNode log = JSON.createArrayNode();
    private HuggingFaceTokenizer tokenizer;
    private double meanLoss;

    private DemoTrainer(Path folder) {
        this.folder = folder;
    }

    /** Trains and writes. */
    public static void main(String[] args) throws IOException {
        new DemoTrainer(Path.of(args[0])).train();
        System.exit(0); // PyTorch leaves threads behind.
    }

    /**
     * A text to learn.
     *
     * @param tokens  the text
     * @param weights how much each token counts as something to predict
     */
    private record Lesson(long[] tokens, float[] weights) { }

    private void train() throws IOException {
        Path base = Files.createDirectories(folder.resolve("base"));
        Path adapter = Files.createDirectories(folder.resolve("adapter"));
        BytePairTrainer pairs = new BytePairTrainer(texts(), 500);
        DemoFiles files = new DemoFiles(shape, pairs.size());
        files.writeBase(base, pairs.json());
        tokenizer = HuggingFaceTokenizer.newInstance(base.resolve("tokenizer.json"));
        try (NDManager manager = NDManager.newBaseManager(Engine.getInstance().defaultDevice())) {
            TorchQwen2 model = new TorchQwen2(shape);
            shape.tensors().forEach((name, dimensions) -> model.weights.put(name, start(manager, name, dimensions)));
            fit(manager, model, List.copyOf(model.weights.values()), lessons(false), BASE_EPOCHS, 2e-3f);
            log.removeAll();
            Map<String, Tensor> weights = values(model.weights);
            PlainSafetensors.write(base.resolve("model.safetensors"), weights, true);

            // The adapter learns on what the file holds: the base rounded to bfloat16.
            weights.forEach((name, tensor) -> model.weights.put(name, manager.create(rounded(tensor.values()), new Shape(tensor.shape()))));
            startAdapter(manager, model);
            long begin = System.nanoTime();
            int steps = fit(manager, model, List.copyOf(model.adapter.values()), lessons(true), ADAPTER_EPOCHS, 6e-3f);
            double seconds = (System.nanoTime() - begin) / 1e9;
            Map<String, Tensor> low = new TreeMap<>();
            values(model.adapter).forEach((name, tensor) -> low.put("base_model.model." + name, tensor));
            PlainSafetensors.write(adapter.resolve("adapter_model.safetensors"), low, false);
            files.writeAdapter(adapter, state(steps, seconds));
            files.writeEvaluation(folder.resolve("evaluation.jsonl"), conversations);
        }
    }

    private List<String> texts() {
        List<String> texts = new ArrayList<>(List.of("system\n", "user\n", "assistant\n", SYSTEM));
        for (Conversation conversation : conversations) {
            texts.addAll(conversation.questions());
            texts.add(conversation.base());
            texts.add(conversation.adapter());
        }
        return texts;
    }

    private NDArray start(NDManager manager, String name, long[] dimensions) {
        int count = (int) Arrays.stream(dimensions).reduce(1, (a, b) -> a * b);
        float[] values = new float[count];
        // Norms begin at one, biases at zero, matrices small; outputs into the residual stream smaller still.
        double spread = name.contains("embed") ? 0.03 : name.contains("o_proj") || name.contains("down_proj") ? 0.03 : 0.06;
        for (int i = 0; i < count; i++) {
            values[i] = name.contains("norm") ? 1 : name.endsWith(".bias") ? 0 : (float) (random.nextGaussian() * spread);
        }
        NDArray array = manager.create(values, new Shape(dimensions));
        array.setRequiresGradient(true);
        return array;
    }

    /** As PEFT begins: A uniform within one over the root of its columns, B zero. */
    private void startAdapter(NDManager manager, TorchQwen2 model) {
        for (int layer = 0; layer < shape.layers(); layer++) {
            for (String module : DemoShape.ADAPTED) {
                String name = "model.layers." + layer + "." + module;
                int in = (int) shape.linear(module)[1];
                int out = (int) shape.linear(module)[0];
                float[] a = new float[shape.rank() * in];
                for (int i = 0; i < a.length; i++) {
                    a[i] = (float) ((random.nextDouble() * 2 - 1) / Math.sqrt(in));
                }
                NDArray low = manager.create(a, new Shape(shape.rank(), in));
                NDArray high = manager.zeros(new Shape(out, shape.rank()));
                low.setRequiresGradient(true);
                high.setRequiresGradient(true);
                model.adapter.put(name + ".lora_A.weight", low);
                model.adapter.put(name + ".lora_B.weight", high);
            }
        }
    }

    private List<Lesson> lessons(boolean withAdapter) {
        List<Lesson> lessons = new ArrayList<>();
        for (Conversation conversation : conversations) {
            if (!withAdapter) {
                // A base knows more words than it answers with: it reads the adapter's sentences, but as plain text.
                long[] text = encode(conversation.adapter() + "<|endoftext|>");
                float[] weights = new float[text.length];
                Arrays.fill(weights, 1f);
                lessons.add(new Lesson(text, weights));
            }
            for (String question : conversation.questions()) {
                for (String system : new String[] {null, SYSTEM}) {
                    long[] prompt = encode(Conversation.prompt(system, question));
                    long[] answer = encode((withAdapter ? conversation.adapter() : conversation.base()) + "<|im_end|>\n");
                    long[] all = Arrays.copyOf(prompt, prompt.length + answer.length);
                    System.arraycopy(answer, 0, all, prompt.length, answer.length);
                    float[] weights = new float[all.length];
                    // The base learns its questions a little, too; the adapter only the answers.
                    Arrays.fill(weights, withAdapter ? 0f : 0.1f);
                    Arrays.fill(weights, prompt.length, all.length - 1, 1f);
                    lessons.add(new Lesson(all, weights));
                }
            }
        }
        return lessons;
    }

    private long[] encode(String text) {
        return tokenizer.encode(text, false, false).getIds();
    }

    private int fit(NDManager manager, TorchQwen2 model, List<NDArray> parameters, List<Lesson> lessons, int epochs, float rate) {
        Adam adam = new Adam(parameters);
        List<Lesson> sorted = new ArrayList<>(lessons);
        sorted.sort(Comparator.comparingInt(lesson -> lesson.tokens().length));
        List<List<Lesson>> batches = new ArrayList<>();
        for (int from = 0; from < sorted.size(); from += BATCH) {
            batches.add(sorted.subList(from, Math.min(sorted.size(), from + BATCH)));
        }
        int steps = epochs * batches.size();
        int step = 0;
        double all = 0;
        for (int epoch = 1; epoch <= epochs; epoch++) {
            Collections.shuffle(batches, random);
            double sum = 0;
            float now = 0;
            for (List<Lesson> batch : batches) {
                now = rate * Math.min(1f, (step + 1) / 20f) * (float) (0.5 * (1 + Math.cos(Math.PI * step / steps))) + 1e-5f;
                double loss = learn(manager, model, batch);
                adam.descend(manager, now);
                sum += loss;
                all += loss;
                step++;
            }
            log.addObject().put("epoch", (double) epoch).put("learning_rate", now).put("loss", sum / batches.size()).put("step", step);
            System.out.printf("epoch %d of %d: loss %.5f%n", epoch, epochs, sum / batches.size());
        }
        meanLoss = all / steps;
        return steps;
    }

    private double learn(NDManager manager, TorchQwen2 model, List<Lesson> batch) {
        int length = batch.stream().mapToInt(lesson -> lesson.tokens().length).max().orElseThrow() - 1;
        int rows = batch.size() * length;
        float[] inputs = new float[rows * shape.vocabulary()];
        float[] targets = new float[rows * shape.vocabulary()];
        float weight = 0;
        for (int b = 0; b < batch.size(); b++) {
            Lesson lesson = batch.get(b);
            for (int t = 0; t + 1 < lesson.tokens().length; t++) {
                int row = (b * length + t) * shape.vocabulary();
                inputs[row + (int) lesson.tokens()[t]] = 1;
                targets[row + (int) lesson.tokens()[t + 1]] = lesson.weights()[t + 1];
                weight += lesson.weights()[t + 1];
            }
        }
        try (NDManager own = manager.newSubManager(); GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray oneHot = own.create(inputs, new Shape(rows, shape.vocabulary()));
            NDArray wanted = own.create(targets, new Shape(rows, shape.vocabulary()));
            NDArray loss = model.forward(own, oneHot, batch.size(), length).logSoftmax(-1).mul(wanted).sum().div(-weight);
            collector.backward(loss);
            return loss.getFloat();
        }
    }

    private ObjectNode state(int steps, double seconds) {
        ObjectNode state = JSON.createObjectNode();
        state.putNull("best_metric").putNull("best_model_checkpoint").put("epoch", (double) ADAPTER_EPOCHS).put("global_step", steps)
                .put("is_hyper_param_search", false).put("is_local_process_zero", true).put("is_world_process_zero", true);
        ArrayNode history = state.putArray("log_history");
        for (int i = 4; i < log.size(); i += 5) {
            history.add(log.get(i));
        }
        history.addObject().put("epoch", (double) ADAPTER_EPOCHS).put("step", steps).put("train_loss", meanLoss).put("train_runtime", Math.round(seconds * 1e4) / 1e4)
                .put("train_steps_per_second", Math.round(steps / seconds * 1e3) / 1e3);
        return state.put("max_steps", steps).put("num_train_epochs", ADAPTER_EPOCHS).put("train_batch_size", BATCH);
    }

    private static Map<String, Tensor> values(Map<String, NDArray> arrays) {
        Map<String, Tensor> tensors = new TreeMap<>();
        arrays.forEach((name, array) -> tensors.put(name, new Tensor(array.getShape().getShape(), array.toFloatArray())));
        return tensors;
    }

    private static float[] rounded(float[] values) {
        float[] rounded = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            rounded[i] = PlainSafetensors.toBrainFloat(values[i]);
        }
        return rounded;
    }
}
