package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.gguf.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged tokenizers of every kind: a sentence that names the file and the thing, never another exception. */
class MalformedTokenizerTest {
    private static final String AGAIN = "from the base model again";

    @TempDir
    Path folder;

    private Path file(String name) {
        return folder.resolve(name);
    }

    private void copy(String kind) throws IOException {
        for (String name : List.of("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "tiktoken.model", "tokenization_moonshot.py")) {
            Path source = TinyTokenizers.folder().resolve(kind).resolve(name);
            if (Files.exists(source)) {
                Files.copy(source, file(name));
            }
        }
    }

    private GgufMetadata convert() {
        GgufMetadata into = new GgufMetadata();
        new TokenizerConverter("org/tiny", name -> Optional.of(file(name)).filter(Files::isRegularFile), JsonNodeFactory.instance.objectNode()).write("llama", 512, into);
        return into;
    }

    private void replace(String text, String instead) throws IOException {
        String json = Files.readString(file("tokenizer.json"));
        assertThat(json).contains(text);
        Files.writeString(file("tokenizer.json"), json.replace(text, instead));
    }

    private void json(String model) throws IOException {
        Files.writeString(file("tokenizer.json"), "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}," + model + "}");
    }

    /** The model and the added tokens of a tokenizer.json, and what is said. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['a b','a c']}                                         | merge 1 joins 'a' and 'c', but 'c' is no token",
        "'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':[['a','b'],['ab','ab']]}                               | merge 1 joins 'ab' and 'ab', but 'abab' is no token",
        "'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['ab']}                                                | merge 0 is neither \"left right\" nor [\"left\", \"right\"] but \"ab\"",
        "'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':[['a','b','c']]}                                       | merge 0 is neither",
        "'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':[7]}                                                   | merge 0 is neither",
        "'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':[]}                                                    | neither tokenizer.json nor merges.txt has merges",
        "'model':{'vocab':{'a':0,'b':0,'ab':2},'merges':['a b']}                                               | the tokens 'a' and 'b' of 'model.vocab' have the same id 0",
        "'model':{'vocab':{'a':0,'b':-1,'ab':2},'merges':['a b']}                                              | model.vocab, token 'b' has the id -1 where a whole number is expected",
        "'model':{'vocab':{'a':0,'b':'1','ab':2},'merges':['a b']}                                             | token 'b' has the id \"1\" where a whole number is expected",
        "'model':{'vocab':{'a':0,'b':1,'ab':512},'merges':['a b']}                                             | token 'ab' has id 512, but the embedding has only 512 rows",
        "'model':{'vocab':{'a':0,'b':1,'ab':99999999999},'merges':['a b']}                                     | token 'ab' has the id 99999999999 where a whole number is expected",
        "'model':{'vocab':['a','b'],'merges':['a b']}                                                          | 'model.vocab' is no map of tokens",
        "'model':{'vocab':{},'merges':['a b']}                                                                 | 'model.vocab' is no map of tokens",
        "'model':['a']                                                                                         | 'model' is missing",
        "'model':{'type':'WordLevel','vocab':{'a':0}}                                                          | holds a WordLevel model where byte-level BPE is expected",
        "'model':{'type':'Unigram','vocab':{'a':0}}                                                            | 'model.vocab' is no list of pieces",
        "'model':{'type':'Unigram','vocab':[['a',0.0],['b']]}                                                  | piece 1 is not [\"text\", score] but [\"b\"]",
        "'normalizer':{'precompiled_charsmap':'?'},'model':{'type':'Unigram','vocab':[['a',0.0]]}              | 'precompiled_charsmap' is no base64",
        "'normalizer':{'precompiled_charsmap':'AAE='},'model':{'type':'Unigram','vocab':[['a',0.0]]}           | (precompiled_charsmap) has 2 bytes: it is cut short",
        "'normalizer':{'precompiled_charsmap':'CAAAAAA='},'model':{'type':'Unigram','vocab':[['a',0.0]]}       | has 5 bytes and says that 8 follow the first four: it is cut short",
        "'added_tokens':[{'id':3,'content':'<x>'},{'id':3,'content':'<y>'}],'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}  | the added tokens '<x>' (id 3) and '<y>' (id 3) clash",
        "'added_tokens':[{'id':3,'content':'<x>'},{'id':4,'content':'<x>'}],'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}  | the added tokens '<x>' (id 3) and '<x>' (id 4) clash",
        "'added_tokens':[{'id':3,'content':'ab'}],'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}      | ids 2 and 3 both have the text 'ab'",
        "'added_tokens':[{'id':3}],'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}                     | an entry of 'added_tokens' has no 'content'",
        "'added_tokens':[{'id':512,'content':'<x>'}],'model':{'vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}   | token '<x>' has id 512, but the embedding has only 512 rows"})
    void saysWhatIsWrongInATokenizerJson(String model, String expected) throws IOException {
        json(model.replace('\'', '"'));
        assertThatThrownBy(this::convert).isInstanceOf(FerryException.class).hasMessageContaining(expected).message().containsAnyOf("tokenizer.json", "org/tiny");
    }

    @Test
    void holesOfAVocabularyArePadded() throws IOException {
        json("\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":5},\"merges\":[\"a b\"]}");
        assertThat(((List<?>) convert().find("tokenizer.ggml.tokens").orElseThrow().value()).subList(0, 7)).isEqualTo(List.of("a", "b", "[PAD2]", "[PAD3]", "[PAD4]", "ab", "[PAD6]"));
    }

    @Test
    void aMergesTxtIsHeldAgainstTheVocabularyToo() throws IOException {
        json("\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[]}");
        Files.writeString(file("merges.txt"), "#version: 0.2\na b\n\nb a\n");
        assertThatThrownBy(this::convert).isInstanceOf(MalformedFile.class).hasMessageContaining("merges.txt").hasMessageContaining("merge 1 joins 'b' and 'a', but 'ba' is no token").hasMessageContaining(AGAIN);
        Files.write(file("merges.txt"), new byte[]{(byte) 0xFF, (byte) 0xFE, 0x20});
        assertThatThrownBy(this::convert).isInstanceOf(FerryException.class).hasMessageContaining("merges.txt as UTF-8 text");
    }

    @Test
    void theTokensThatAnAdapterAddsMustNotClash() throws IOException {
        copy("bpe");
        replace("\"<|im_end|>\"", "\"<|im_start|>\"");
        assertThatThrownBy(this::convert).isInstanceOf(MalformedFile.class).hasMessageContaining("clash").hasMessageContaining(AGAIN);
    }

    @Test
    void nothingAtAllIsSaidToBeMissing() {
        assertThatThrownBy(this::convert).isInstanceOf(FerryException.class).hasMessageContaining("there is neither tokenizer.json nor tokenizer.model nor tiktoken.model; copy it from the base model");
    }

    /** Files cut in the middle, and files with a byte changed: either they still make a vocabulary, or the sentence says what is wrong. */
    @ParameterizedTest
    @ValueSource(strings = {"bpe/tokenizer.json", "bpe/tokenizer_config.json", "spm/tokenizer.model", "spm/tokenizer.json", "ranks/tiktoken.model", "ranks/tokenization_moonshot.py", "ranks/tokenizer_config.json"})
    void aDamagedFileEndsInASentence(String damaged) throws IOException {
        String kind = damaged.substring(0, damaged.indexOf('/'));
        Path target = file(damaged.substring(damaged.indexOf('/') + 1));
        copy(kind);
        if (damaged.equals("spm/tokenizer.json")) {
            Files.delete(file("tokenizer.model"));
        }
        byte[] whole = Files.readAllBytes(target);
        assertThatCode(this::convert).as("the whole file").doesNotThrowAnyException();
        Random random = new Random(5);
        for (int i = 0; i < 25; i++) {
            Files.write(target, Arrays.copyOf(whole, random.nextInt(whole.length)));
            endsInASentence(this::convert);
            byte[] changed = whole.clone();
            changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
            Files.write(target, changed);
            endsInASentence(this::convert);
        }
    }

    private static void endsInASentence(ThrowingCallable conversion) {
        try {
            conversion.call();
        } catch (FerryException e) {
            assertThat(e).hasMessageEndingWith(".");
        } catch (Throwable e) {
            throw new AssertionError("not a sentence but " + e, e);
        }
    }

    @Test
    void aSentencePieceModelThatIsCutIsNeverTakenForAWholeOne() throws IOException {
        copy("spm");
        Files.delete(file("tokenizer.json"));
        byte[] whole = Files.readAllBytes(file("tokenizer.model"));
        for (int length = 0; length < whole.length - 6; length += 29) {
            Files.write(file("tokenizer.model"), Arrays.copyOf(whole, length));
            assertThatThrownBy(this::convert).as(length + " bytes of " + whole.length).isInstanceOf(MalformedFile.class).hasMessageContaining("tokenizer.model");
        }
    }
}
