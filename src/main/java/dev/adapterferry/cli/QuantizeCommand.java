package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.ReadBack;
import dev.adapterferry.pass.TensorCache;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeOverride;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.settings.QuantizeSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.FileQuantization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Quantizes a checkpoint folder or a GGUF file, beside the passage. */
@Command(name = "quantize", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Writes a checkpoint folder (with an adapter or without) or a GGUF file in several formats in one pass, as DIR/NAME-FORMAT.gguf, with a manifest of hashes."
                + " Killed or stopped and started again, it goes on where it stood.")
final class QuantizeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private CommonOptions common;

    @Parameters(paramLabel = "SOURCE", description = "A checkpoint folder (config.json, tokenizer, safetensors), a GGUF file, or the first shard of a split one.")
    private Path source;

    @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder for the files.")
    private Path out;

    @Option(names = "--formats", paramLabel = "F,F", split = ",", description = "Formats to make (default: setting quantize.formats). Known: ${COMPLETION-CANDIDATES}.", completionCandidates = Formats.class)
    private List<String> formats = new ArrayList<>();

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter to merge in on the way. Several are merged one after the other.")
    private List<Path> adapters = new ArrayList<>();

    @Option(names = "--allow", paramLabel = "NAME", split = ",", description = "What may pass although a merge refuses it, by the name that the refusal gives.")
    private List<String> allow = new ArrayList<>();

    @Option(names = "--imatrix", paramLabel = "FILE", description = "Importance matrix, as llama-imatrix writes it (GGUF or the older binary; default: setting quantize.imatrix).")
    private Path imatrix;

    @Option(names = "--name", paramLabel = "NAME", description = "How the files are named (default: after the adapter, else after the source).")
    private String name;

    @Option(names = "--threads", paramLabel = "N", description = "Threads; the result does not depend on it (default: setting quantize.threads, usually every core).")
    private Integer threads;

    @Option(names = "--output-type", paramLabel = "TYPE", description = "Type of output.weight (default: the mix decides).")
    private String outputType;

    @Option(names = "--embedding-type", paramLabel = "TYPE", description = "Type of token_embd.weight (default: the mix decides).")
    private String embeddingType;

    @Option(names = "--tensor-type", paramLabel = "PATTERN=TYPE", description = "Type of the tensors whose GGUF name holds the regular expression, such as attn_v=q8_0; the first that matches decides.")
    private List<String> tensorTypes = new ArrayList<>();

    @Option(names = "--pure", description = "The mix's base type for all tensors, without its rules.")
    private boolean pure;

    @Option(names = "--leave-output-tensor", description = "Leave output.weight as it is in the source.")
    private boolean leaveOutput;

    @Option(names = "--allow-requantize", description = "Quantize again what is quantized already, which loses twice.")
    private boolean allowRequantize;

    @Option(names = "--sha256", description = "Read the files once more and print their SHA-256 too, as sha256sum does. The manifest has a hash of every tensor in any case.")
    private boolean sha256;

    @Option(names = "--json", description = "Print what was made as JSON.")
    private boolean json;

    /** Names for the help. */
    static final class Formats extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        Formats() {
            for (Mix mix : Mix.values()) {
                add(mix.label());
            }
        }
    }

    @Override
    public Integer call() throws Exception {
        Console console = common.console();
        Settings settings = common.settings(console);
        FileQuantization.Order order = order(settings.quantize());
        PassSettings how = passSettings(settings);
        FileQuantization.Outcome outcome;
        List<String> hashes = List.of();
        try (Interruption interruption = Interruption.onCtrlC()) {
            outcome = new FileQuantization(how).carry(order, console, interruption.cancellation());
            if (sha256) {
                hashes = new ReadBack(console, interruption.cancellation()).sha256(outcome.result().files(), how.threads());
            }
        }
        outcome.notes().forEach(note -> console.note("ferry: note: " + note));
        if (json) {
            console.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(describe(outcome, hashes, order)));
        } else {
            print(outcome, hashes, console);
        }
        return ExitCode.DONE;
    }

    private FileQuantization.Order order(QuantizeSettings usual) {
        Optional<Path> matrix = imatrix == null ? usual.imatrix() : Optional.of(imatrix);
        Optional<GgmlType> output = Optional.ofNullable(outputType).or(usual::outputType).map(TypeOverride::parseType);
        Optional<GgmlType> embedding = Optional.ofNullable(embeddingType).or(usual::embeddingType).map(TypeOverride::parseType);
        List<TypeOverride> overrides = new ArrayList<>(tensorTypes.stream().map(TypeOverride::parse).toList());
        usual.overrides().forEach((pattern, type) -> overrides.add(TypeOverride.parse(pattern + "=" + type)));
        List<Mix> mixes = formats.isEmpty() ? usual.formats().stream().map(f -> Mix.parse(f.text())).distinct().toList() : formats.stream().map(Mix::parse).distinct().toList();
        List<TypeRequest> requests = mixes.stream().map(mix -> new TypeRequest(mix, matrix.isPresent(), output, embedding, overrides, pure, leaveOutput)).toList();
        return new FileQuantization.Order(source, adapters, Set.copyOf(allow), out, name == null ? name() : checked(name), requests, matrix, allowRequantize);
    }

    private PassSettings passSettings(Settings settings) {
        int wanted = threads == null ? settings.quantize().threads() : threads;
        if (wanted < 0) {
            throw new ParameterException(spec.commandLine(), "--threads should be at least 1, or 0 for every core; found " + wanted + ".");
        }
        Optional<TensorCache> cache = settings.quantize().cacheSize().bytes() == 0 ? Optional.empty()
                : Optional.of(new TensorCache(settings.home().resolve("cache").resolve("tensors"), settings.quantize().cacheSize().bytes()));
        // The journal lies beside what it vouches for, and goes when the pass is complete.
        return new PassSettings(wanted == 0 ? Runtime.getRuntime().availableProcessors() : wanted, Optional.of(out), cache);
    }

    private String checked(String wanted) {
        if (wanted.isBlank() || wanted.startsWith(".") || wanted.contains("/") || wanted.contains("\\")) {
            throw new ParameterException(spec.commandLine(), "--name should be a plain file name, found '" + wanted + "'.");
        }
        return wanted;
    }

    /** After the last adapter, else the source: a folder's name, or a file's without what names its format and shard. */
    private String name() {
        Path named = (adapters.isEmpty() ? source : adapters.getLast()).toAbsolutePath().normalize().getFileName();
        String text = named == null ? "model" : named.toString();
        if (!adapters.isEmpty() || Files.isDirectory(source)) {
            return text;
        }
        text = text.replaceFirst("(?i)\\.gguf$", "").replaceFirst("-\\d{5}-of-\\d{5}$", "");
        for (Mix mix : Mix.values()) {
            String suffix = mix.label();
            int cut = text.length() - suffix.length() - 1;
            if (cut > 0 && text.substring(cut + 1).equalsIgnoreCase(suffix) && "-._".indexOf(text.charAt(cut)) >= 0) {
                return text.substring(0, cut);
            }
        }
        return text;
    }

    private static void print(FileQuantization.Outcome outcome, List<String> hashes, Console console) {
        PassResult result = outcome.result();
        Table table = new Table("format", "size", "bits per weight", "file");
        result.files().forEach(f -> table.row(f.format(), Console.bytes(f.size()), String.format(Locale.ROOT, "%.2f", 8.0 * f.size() / outcome.weights()), f.file()));
        console.println(table.toString());
        for (int i = 0; i < hashes.size(); i++) {
            console.println(hashes.get(i) + "  " + result.files().get(i).file());
        }
        double seconds = result.wall().toNanos() / 1e9;
        console.println(String.format(Locale.ROOT, "%,d weights in %.1fs, %s read, %s written%s%s", outcome.weights(), seconds, Console.bytes(result.bytesRead()), Console.bytes(result.bytesWritten()),
                result.resumedBytes() == 0 ? "" : ", " + Console.bytes(result.resumedBytes()) + " were there from an earlier start",
                result.cachedBytes() == 0 ? "" : ", " + Console.bytes(result.cachedBytes()) + " came from the cache"));
    }

    private static ObjectNode describe(FileQuantization.Outcome outcome, List<String> hashes, FileQuantization.Order order) {
        PassResult result = outcome.result();
        ObjectNode root = new ObjectMapper().createObjectNode().put("model", order.name()).put("manifest", order.folder().resolve(order.name() + ".manifest.json").toString())
                .put("weights", outcome.weights()).put("millis", result.wall().toMillis()).put("bytesRead", result.bytesRead()).put("bytesWritten", result.bytesWritten())
                .put("resumedBytes", result.resumedBytes()).put("cachedBytes", result.cachedBytes());
        ArrayNode files = root.putArray("files");
        for (int i = 0; i < result.files().size(); i++) {
            PassResult.FileResult file = result.files().get(i);
            ObjectNode node = files.addObject().put("format", file.format()).put("file", file.file().toString()).put("bytes", file.size());
            if (!hashes.isEmpty()) {
                node.put("sha256", hashes.get(i));
            }
        }
        outcome.notes().forEach(root.putArray("notes")::add);
        return root;
    }
}
