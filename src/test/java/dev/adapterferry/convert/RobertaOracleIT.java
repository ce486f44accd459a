package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both builds of llama.cpp give RoBERTa's ids, with begin and end around a text. */
class RobertaOracleIT {
    @TempDir
    Path folder;

    @Test
    void idsAreThoseOfTheReference() throws IOException {
        CurrentLlama.assume();
        List<String> specials = List.of("<s>", "<pad>", "</s>", "<unk>", "<mask>");
        ByteBpeTrainer trained = new ByteBpeTrainer(String.join(" ", TokenizerOracle.corpus()), 400);
        int first = trained.size();
        trained.write(folder, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}", "{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\"," + (first + 2) + "],\"cls\":[\"<s>\"," + first
                + "],\"trim_offsets\":true,\"add_prefix_space\":false}", false, false, specials);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"RobertaTokenizer\",\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"cls_token\":\"<s>\",\"sep_token\":\"</s>\",\"pad_token\":\"<pad>\","
                + "\"unk_token\":\"<unk>\",\"mask_token\":\"<mask>\"}");
        assertThat(TokenizerOracle.convert(folder, "bpe", first + specials.size()).model()).isEqualTo("gpt2");
        TokenizerOracle.compareWhole(folder, folder.resolve("tokenizer.json"), Stream.generate(new VariedText(7, specials.subList(0, 3))::next).limit(TokenizerOracle.strings(3_000)).toList());
    }
}
