package dev.adapterferry;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

/** Holds the line that the design draws: arrows point down only, Camel and native engines live where they belong. */
class LayersTest {
    private static final JavaClasses CLASSES = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.adapterferry");

    /** From the top down; packages of one row do not know each other. */
    private static final List<List<String>> ROWS = List.of(
            List.of("cli"),
            List.of("camel"),
            List.of("stage", "demo", "bench"),
            List.of("source", "hub", "lora", "convert", "deploy", "probe", "evaluate", "serve"),
            List.of("modelserver", "transfer", "chat"),
            List.of("pass"),
            List.of("llamacpp", "ledger", "alert", "log"),
            List.of("settings"),
            List.of("gguf"),
            List.of("quant"),
            List.of("tensor"),
            List.of("transfer"),
            List.of("http", "files", "secret"),
            List.of("progress"),
            List.of("failure"));

    @Test
    void arrowsPointDownOnly() {
        var layers = layeredArchitecture().consideringOnlyDependenciesInAnyPackage("dev.adapterferry..").withOptionalLayers(true);
        for (List<String> row : ROWS) {
            for (String name : row) {
                layers = layers.layer(name).definedBy("dev.adapterferry." + name + "..");
            }
        }
        for (int i = 0; i < ROWS.size(); i++) {
            String[] above = ROWS.subList(0, i).stream().flatMap(List::stream).toArray(String[]::new);
            for (String name : ROWS.get(i)) {
                layers = above.length == 0 ? layers.whereLayer(name).mayNotBeAccessedByAnyLayer()
                        : layers.whereLayer(name).mayOnlyBeAccessedByLayers(above);
            }
        }
        layers.check(CLASSES);
    }

    @Test
    void everyPackageHasItsRow() throws IOException {
        List<String> known = ROWS.stream().flatMap(List::stream).toList();
        try (Stream<Path> folders = Files.list(Path.of("src/main/java/dev/adapterferry"))) {
            Assertions.assertThat(folders.filter(Files::isDirectory).map(f -> f.getFileName().toString())).isSubsetOf(known);
        }
    }

    /** A package has the version of where its first class came from: {@code files.ToolVersion} asks the program's own jar. */
    @Test
    void nobodyAsksAPackageForItsVersion() {
        noClasses().should().callMethod(Package.class, "getImplementationVersion").check(CLASSES);
    }

    @Test
    void noPackagesDependOnEachOtherInCircles() {
        SlicesRuleDefinition.slices().matching("dev.adapterferry.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void onlyTheCamelRoomAndTheCommandLineKnowCamel() {
        noClasses().that().resideOutsideOfPackages("dev.adapterferry.camel..", "dev.adapterferry.cli..")
                .should().dependOnClassesThat().resideInAnyPackage("org.apache.camel..").allowEmptyShould(true).check(CLASSES);
    }

    @Test
    void theTensorEngineLivesInOneRoom() {
        noClasses().that().resideOutsideOfPackage("dev.adapterferry.lora..")
                .should().dependOnClassesThat().resideInAnyPackage("ai.djl..").allowEmptyShould(true).check(CLASSES);
    }

    @Test
    void llamaCppIsTouchedInOneRoom() {
        noClasses().that().resideOutsideOfPackage("dev.adapterferry.llamacpp..")
                .should().dependOnClassesThat().resideInAnyPackage("de.kherud..").allowEmptyShould(true).check(CLASSES);
    }

    @Test
    void everyPackageSaysWhoLivesThere() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            List<Path> bare = files.filter(f -> f.toString().endsWith(".java")).map(Path::getParent).distinct()
                    .filter(folder -> !Files.exists(folder.resolve("package-info.java"))).toList();
            Assertions.assertThat(bare).isEmpty();
        }
    }
}
