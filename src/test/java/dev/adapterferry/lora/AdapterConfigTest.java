package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdapterConfigTest {
    @TempDir
    Path folder;

    private AdapterConfig read(String fields) throws IOException {
        Files.writeString(folder.resolve("adapter_config.json"), "{" + fields.replace('\'', '"') + "}");
        return AdapterConfig.read(folder);
    }

    private void refuses(String fields, String... words) {
        assertThatThrownBy(() -> read(fields)).isInstanceOf(FerryException.class).satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @Test
    void takesPeftsDefaults() throws IOException {
        AdapterConfig config = read("'peft_type':'LORA'");
        assertThat(config.rankOf("any")).isEqualTo(8);
        assertThat(config.scaleOf("any", 8)).isEqualTo(1);
        assertThat(config.init()).isEqualTo("true");
        assertThat(config.baseName()).isEmpty();
        assertThat(config.warnings()).isEmpty();
    }

    @Test
    void readsWhatPeftWrites() throws IOException {
        AdapterConfig config = read("""
                'alora_invocation_tokens':null,'alpha_pattern':{},'arrow_config':null,'auto_mapping':null,'base_model_name_or_path':'Qwen/Qwen2.5-7B-Instruct','bias':'none',
                'corda_config':null,'ensure_weight_tying':false,'eva_config':null,'exclude_modules':null,'fan_in_fan_out':false,'inference_mode':true,'init_lora_weights':true,
                'layer_replication':null,'layers_pattern':null,'layers_to_transform':null,'loftq_config':{},'lora_alpha':16,'lora_bias':false,'lora_dropout':0.05,
                'megatron_config':null,'megatron_core':'megatron.core','modules_to_save':null,'peft_type':'LORA','peft_version':'0.18.0','qalora_group_size':16,'r':16,
                'rank_pattern':{},'revision':'main','target_modules':['q_proj','v_proj'],'target_parameters':null,'task_type':'CAUSAL_LM','trainable_token_indices':null,
                'use_dora':false,'use_qalora':false,'use_rslora':true""");
        assertThat(config.warnings()).isEmpty();
        assertThat(config.baseName()).contains("Qwen/Qwen2.5-7B-Instruct");
        assertThat(config.revision()).contains("main");
        assertThat(config.peftVersion()).contains("0.18.0");
        assertThat(config.scaleOf("any", 16)).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', value = {
        "q_proj,model.layers.3.self_attn.q_proj,true", "q_proj,model.layers.3.self_attn.kq_proj,false", "layers.1.q_proj,model.layers.11.q_proj,false",
        "layers.1.q_proj,model.layers.1.q_proj,true", "layers.1.q_proj,model.layersX1.q_proj,true", "^model.layers.0.q_proj,model.layers.0.q_proj,true",
        "^layers.0.q_proj,model.layers.0.q_proj,false", ".*\\.(3|4)\\.q_proj,model.layers.4.q_proj,true", "model.layers.0.q_proj,model.layers.0.q_proj,true",
        "q_proj|v_proj,a.v_proj,true", "q_pro,a.q_proj,false"})
    void matchesPatternsByPeftsRule(String pattern, String module, boolean matches) throws IOException {
        AdapterConfig config = read("'peft_type':'LORA','rank_pattern':{'" + pattern.replace("\\", "\\\\") + "':3}");
        assertThat(config.rankOf(module)).isEqualTo(matches ? 3 : 8);
    }

    @Test
    void takesTheFirstMatchOfEachPatternByItself() throws IOException {
        AdapterConfig config = read("'peft_type':'LORA','rank_pattern':{'q_proj':3,'a.q_proj':4},'alpha_pattern':{'b.q_proj':2.5,'q_proj':9}");
        assertThat(config.rankOf("a.q_proj")).isEqualTo(3);
        assertThat(config.scaleOf("a.q_proj", 3)).isEqualTo(3);
        assertThat(config.scaleOf("b.q_proj", 5)).isEqualTo(0.5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"LOHA", "LOKR", "IA3", "ADALORA", "VERA", "OFT", "PROMPT_TUNING", "XLORA", "SOMETHING_NEW"})
    void refusesOtherMethodsByNameWithTheReason(String method) {
        refuses("'peft_type':'" + method + "'", "peft_type " + method, "cannot be merged: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"'use_qalora':true", "'alora_invocation_tokens':[1,2]", "'arrow_config':{'top_k':3}", "'kasa_config':{'beta':1}", "'use_bdlora':{'nblocks':2}",
        "'monteclora_config':{'num_samples':8}", "'enable_lora':[true,false,true]", "'megatron_config':{'a':1}", "'task_type':'QUESTION_ANS'", "'task_type':'TOKEN_CLS'",
        "'use_dora':true,'lora_bias':true"})
    void refusesFieldsThatAreNoDelta(String field) {
        refuses("'peft_type':'LORA'," + field, field.split("'")[1], "cannot be merged: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"'use_qalora':false", "'enable_lora':null", "'merge_weights':false", "'velora_config':{'a':1}", "'eva_config':{'rho':2.0}", "'arrow_config':{}",
        "'auto_mapping':{'base_model_class':'X'}"})
    void passesFieldsThatChangeNothing(String field) throws IOException {
        assertThat(read("'peft_type':'LORA'," + field).warnings()).isEmpty();
    }

    @Test
    void warnsOfFieldsThatItDoesNotKnowAndThatAreSet() throws IOException {
        assertThat(read("'peft_type':'LORA','use_new_trick':true,'other':null,'third':{}").warnings()).singleElement().asString().contains("use_new_trick");
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '~', delimiter = ';', value = {
        "'r':'16';r", "'r':0;r", "'r':2.5;r", "'r':99999999999;r", "'lora_alpha':'x';lora_alpha", "'lora_alpha':null,'r':[1];r", "'use_rslora':'yes';use_rslora",
        "'rank_pattern':[1];rank_pattern", "'rank_pattern':{'q':-1};rank_pattern", "'alpha_pattern':{'q':'1'};alpha_pattern", "'modules_to_save':'lm_head';modules_to_save",
        "'modules_to_save':[1];modules_to_save", "'target_parameters':{};target_parameters", "'layer_replication':[[0]];layer_replication", "'layer_replication':[[3,2]];layer_replication",
        "'layer_replication':[[0,1.5]];layer_replication", "'trainable_token_indices':[-1];trainable_token_indices", "'trainable_token_indices':[1,1];trainable_token_indices",
        "'trainable_token_indices':{'a':3};trainable_token_indices", "'bias':'some';bias", "'bias':true;bias", "'base_model_name_or_path':7;base_model_name_or_path",
        "'peft_version':18;peft_version"})
    void refusesFieldsOfTheWrongType(String fields, String name) {
        refuses("'peft_type':'LORA'," + fields, "adapter_config.json", "'" + name + "' should be");
    }

    @Test
    void refusesAPatternThatIsNone() throws IOException {
        AdapterConfig config = read("'peft_type':'LORA','rank_pattern':{'q_(proj':3}");
        assertThatThrownBy(() -> config.rankOf("q_proj")).isInstanceOf(FerryException.class).hasMessageContaining("q_(proj").hasMessageContaining("regular expression");
    }

    @Test
    void refusesWhatIsNoAdapterConfiguration() {
        refuses("'hidden_size':3", "peft_type", "lora_parameters");
        refuses("'peft_type':'LORA','peft_type':'LORA'", "Duplicate");
        refuses("'fine_tune_type':'lora','lora_parameters':7", "lora_parameters");
    }
}
