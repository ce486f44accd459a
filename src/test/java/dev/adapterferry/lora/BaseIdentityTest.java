package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BaseIdentityTest {
    @ParameterizedTest
    @CsvSource({
        "unsloth/Qwen2.5-Coder-7B-Instruct-bnb-4bit,unsloth/Qwen2.5-Coder-7B-Instruct",
        "unsloth/Qwen3-4B-unsloth-bnb-4bit,unsloth/Qwen3-4B",
        "unsloth/llama-3-70b-Instruct-bnb-4bit,meta-llama/Meta-Llama-3-70B-Instruct",
        "Qwen/Qwen2.5-7B-Instruct,Qwen/Qwen2.5-7B-Instruct",
        "/home/ada/models/Qwen3-4B-bnb-4bit,/home/ada/models/Qwen3-4B"})
    void findsTheSixteenBitOriginal(String name, String original) {
        assertThat(BaseIdentity.sixteenBit(name)).isEqualTo(original);
    }

    @ParameterizedTest
    @CsvSource({
        "Qwen/Qwen2.5-7B-Instruct,Qwen/Qwen2.5-7B-Instruct,true",
        "Qwen/Qwen2.5-7B-Instruct,qwen/qwen2.5-7b-instruct,true",
        "unsloth/Qwen2.5-7B-Instruct-bnb-4bit,Qwen/Qwen2.5-7B-Instruct,true",
        "unsloth/Qwen2.5-Coder-7B-Instruct-bnb-4bit,Qwen/Qwen2.5-7B-Instruct,false",
        "Qwen/Qwen2.5-7B,Qwen/Qwen2.5-7B-Instruct,false",
        "unsloth/Meta-Llama-3.1-8B-Instruct,meta-llama/Llama-3.1-8B-Instruct,true",
        "/workspace/models/Qwen2.5-7B-Instruct,Qwen/Qwen2.5-7B-Instruct,true",
        "/home/ada/.cache/huggingface/hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots/0123abc,Qwen/Qwen2.5-7B-Instruct,true",
        "/workspace/base,Qwen/Qwen2.5-7B-Instruct,false",
        "someone/Qwen2.5-7B-Instruct,Qwen/Qwen2.5-7B-Instruct,false",
        "C:\\models\\Qwen2.5-7B-Instruct,Qwen/Qwen2.5-7B-Instruct,true"})
    void comparesNamesWithoutWhatDoesNotMatter(String one, String other, boolean same) {
        assertThat(BaseIdentity.same(one, other)).isEqualTo(same);
        assertThat(BaseIdentity.same(other, one)).isEqualTo(same);
    }

    @Test
    void stopsAtAMismatchUnlessItIsAllowedByName() {
        Optional<String> declared = Optional.of("unsloth/Qwen2.5-Coder-7B-Instruct-bnb-4bit");
        assertThatThrownBy(() -> BaseIdentity.check("majora", declared, Optional.empty(), "Qwen/Qwen2.5-7B-Instruct", Set.of("something/else")))
                .isInstanceOf(FerryException.class).hasMessageContaining("majora").hasMessageContaining("Coder-7B-Instruct-bnb-4bit").hasMessageContaining("Qwen/Qwen2.5-7B-Instruct");
        assertThat(BaseIdentity.check("majora", declared, Optional.empty(), "Qwen/Qwen2.5-7B-Instruct", Set.of("unsloth/Qwen2.5-Coder-7B-Instruct-bnb-4bit")))
                .singleElement().asString().contains("as allowed");
        assertThat(BaseIdentity.check("majora", declared, Optional.empty(), "Qwen/Qwen2.5-Coder-7B-Instruct", Set.of())).singleElement().asString().contains("4-bit");
    }

    @Test
    void comparesTheConfiguredBaseToo() {
        assertThatThrownBy(() -> BaseIdentity.check("majora", Optional.of("Qwen/Qwen3-4B"), Optional.of("Qwen/Qwen3-8B"), "Qwen/Qwen3-4B", Set.of()))
                .hasMessageContaining("settings name the base Qwen/Qwen3-8B");
        assertThat(BaseIdentity.check("majora", Optional.of("Qwen/Qwen3-4B"), Optional.of("Qwen/Qwen3-4B"), "Qwen/Qwen3-4B", Set.of())).isEmpty();
    }

    @Test
    void saysWhenTheAdapterNamesNoBase() {
        assertThat(BaseIdentity.check("majora", Optional.empty(), Optional.empty(), "Qwen/Qwen3-4B", Set.of())).singleElement().asString().contains("names no base");
    }
}
