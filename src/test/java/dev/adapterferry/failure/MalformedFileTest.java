package dev.adapterferry.failure;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MalformedFileTest {
    @Test
    void saysWhatWasReadWhereWhatIsWrongAndWhatToDo() {
        assertThat(new MalformedFile(Path.of("m.gguf"), 12, "it has 3 bytes, expected 8")).hasMessage("Cannot read m.gguf at byte 12: it has 3 bytes, expected 8. It is damaged, or was not copied whole: get it again.");
        assertThat(new MalformedFile(Path.of("a.bin"), -1, "it is a pickle", "Save the adapter again as safetensors")).hasMessage("Cannot read a.bin: it is a pickle. Save the adapter again as safetensors.");
    }
}
