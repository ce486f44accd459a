package dev.adapterferry.demo;

import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.stage.FileQuantization;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The demo's trained base with its adapter merged in, as one GGUF file. */
public final class MergedDemo {
    private MergedDemo() { }

    /** Writes it into a folder. */
    public static Path file(Path folder, Mix mix) throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        FileQuantization.Order order = new FileQuantization.Order(material.base(), List.of(material.training()), Set.of(), folder, "captain", List.of(TypeRequest.of(mix, false)), Optional.empty(), false);
        return new FileQuantization(PassSettings.plain()).carry(order, Progress.NONE, new Cancellation()).result().files().getFirst().file();
    }
}
