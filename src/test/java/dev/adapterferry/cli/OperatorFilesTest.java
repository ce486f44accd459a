package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.waiting.Programs;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;

/** The files that operators copy out of the documents: each is what the program that reads it expects, and calls the ferry as the ferry wants to be called. */
class OperatorFilesTest {
    private static final Path OPERATIONS = Path.of("src/docs/operations.md");
    private static final Path CI = Path.of("src/docs/ci-cd.md");
    /** What launchd.plist(5) knows of what we use. */
    private static final Map<String, String> LAUNCHD = Map.of("Label", "string", "ProgramArguments", "array", "EnvironmentVariables", "dict", "RunAtLoad", "true false", "KeepAlive", "dict true false", "ExitTimeOut", "integer");
    private static final Set<String> JOB = Set.of("name", "runs-on", "timeout-minutes", "env", "steps", "needs", "if", "strategy", "permissions", "concurrency", "defaults", "outputs", "environment", "container", "services",
            "continue-on-error", "uses", "with", "secrets");
    private static final Set<String> STEP = Set.of("id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "continue-on-error", "timeout-minutes");

    @TempDir
    Path folder;

    private static String block(Path document, String language, String begins) throws IOException {
        Matcher block = Pattern.compile("```" + language + "\\n(" + Pattern.quote(begins) + ".*?)```", Pattern.DOTALL).matcher(Files.readString(document));
        assertThat(block.find()).as(begins + " in " + document).isTrue();
        return block.group(1);
    }

    private static void assertThatFerryTakes(List<String> command) {
        assertThat(command.getFirst()).endsWith("/bin/ferry");
        Ferry.commandLine().parseArgs(command.subList(1, command.size()).toArray(String[]::new));
    }

    private static Settings defaults() {
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.empty(), Map.of()).settings();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void systemdTakesTheUnit() throws Exception {
        Programs.assume("systemd-analyze");
        Path ferry = Files.writeString(Files.createDirectories(folder.resolve("bin")).resolve("ferry"), "#!/bin/sh\n");
        Files.setPosixFilePermissions(ferry, PosixFilePermissions.fromString("rwxr-xr-x"));
        String text = block(OPERATIONS, "ini", "[Unit]");
        Path unit = Files.writeString(folder.resolve("ferry.service"), text.replace("/opt/ferry/bin", ferry.getParent().toString()));
        Process process = new ProcessBuilder("systemd-analyze", "verify", unit.toString()).redirectErrorStream(true).start();
        String complaints = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(complaints).isZero();
        // It warns of unknown keys and ends well all the same.
        assertThat(complaints.lines().filter(line -> line.contains("ferry.service"))).isEmpty();
    }

    @Test
    void theUnitStartsTheDaemonAndWaitsForItsEnd() throws IOException {
        String text = block(OPERATIONS, "ini", "[Unit]");
        Matcher start = Pattern.compile("(?m)^ExecStart=(.*)$").matcher(text);
        assertThat(start.find()).isTrue();
        assertThatFerryTakes(List.of(start.group(1).split(" ")));
        Matcher stop = Pattern.compile("(?m)^TimeoutStopSec=(\\d+)$").matcher(text);
        assertThat(stop.find()).isTrue();
        assertThat(Long.parseLong(stop.group(1))).isGreaterThan(defaults().pipeline().shutdownTimeout().toSeconds());
    }

    private static List<Element> children(Element parent) {
        List<Element> elements = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element) {
                elements.add(element);
            } else {
                assertThat(node.getTextContent()).as("text beside elements in " + parent.getTagName()).isBlank();
            }
        }
        return elements;
    }

    /** The rules of Apple's PropertyList-1.0.dtd. */
    private static void assertThatPlistHolds(Element value) {
        switch (value.getTagName()) {
            case "dict" -> {
                List<Element> inside = children(value);
                assertThat(inside.size() % 2).as("keys and values").isZero();
                for (int i = 0; i < inside.size(); i += 2) {
                    assertThat(inside.get(i).getTagName()).isEqualTo("key");
                    assertThatPlistHolds(inside.get(i + 1));
                }
            }
            case "array" -> children(value).forEach(OperatorFilesTest::assertThatPlistHolds);
            case "integer" -> assertThat(value.getTextContent()).matches("[+-]?\\d+");
            case "true", "false" -> assertThat(value.hasChildNodes()).isFalse();
            default -> assertThat(value.getTagName()).isIn("string", "real", "date", "data");
        }
    }

    @Test
    void thePlistIsOneAndSaysWhatLaunchdKnows() throws Exception {
        String text = block(OPERATIONS, "xml", "<?xml");
        DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
        builder.setEntityResolver((publicId, systemId) -> {
            assertThat(publicId).isEqualTo("-//Apple//DTD PLIST 1.0//EN");
            return new InputSource(new StringReader(""));
        });
        Element plist = builder.parse(new InputSource(new StringReader(text))).getDocumentElement();
        assertThat(plist.getTagName()).isEqualTo("plist");
        assertThat(plist.getAttribute("version")).isEqualTo("1.0");
        assertThat(children(plist)).hasSize(1);
        Element dict = children(plist).getFirst();
        assertThatPlistHolds(dict);
        List<Element> entries = children(dict);
        for (int i = 0; i < entries.size(); i += 2) {
            String key = entries.get(i).getTextContent();
            assertThat(LAUNCHD).as(key).containsKey(key);
            assertThat(LAUNCHD.get(key).split(" ")).as(key).contains(entries.get(i + 1).getTagName());
            if (key.equals("ProgramArguments")) {
                assertThatFerryTakes(children(entries.get(i + 1)).stream().map(Element::getTextContent).toList());
            } else if (key.equals("ExitTimeOut")) {
                assertThat(Long.parseLong(entries.get(i + 1).getTextContent())).isGreaterThan(defaults().pipeline().shutdownTimeout().toSeconds());
            } else if (key.equals("Label")) {
                assertThat(Files.readString(OPERATIONS)).as("launchd wants the file named after the label").contains("LaunchAgents/" + entries.get(i + 1).getTextContent() + ".plist");
            }
        }
    }

    @Test
    void theWorkflowIsOneAndGivesTheScriptWhatItNeeds() throws IOException {
        String script = block(CI, "sh", "set -eu");
        JsonNode workflow = new ObjectMapper(new YAMLFactory()).readTree(block(CI, "yaml", "name: carry"));
        assertThat(names(workflow)).isSubsetOf("name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs").contains("on", "jobs");
        Set<String> inputs = names(workflow.path("on").path("workflow_dispatch").path("inputs"));
        Matcher expression = Pattern.compile("\\$\\{\\{ *([^}]*?) *}}").matcher(workflow.toString());
        while (expression.find()) {
            assertThat(expression.group(1)).matches("inputs\\.(" + String.join("|", inputs) + ")|secrets\\.[A-Z_]+");
        }
        for (JsonNode job : workflow.path("jobs")) {
            assertThat(names(job)).isSubsetOf(JOB).contains("runs-on", "steps");
            boolean carries = false;
            for (JsonNode step : job.path("steps")) {
                assertThat(names(step)).as(step.toString()).isSubsetOf(STEP);
                assertThat(step.has("run") ^ step.has("uses")).as("a step either runs or uses: " + step).isTrue();
                if (step.has("uses")) {
                    assertThat(step.path("uses").asText()).matches("[\\w.-]+/[\\w./-]+@[\\w.-]+");
                }
                carries |= step.path("run").asText().contains("carry.sh");
            }
            assertThat(carries).isTrue();
            Matcher wanted = Pattern.compile("\\$\\{([A-Z]+):\\?").matcher(script);
            Set<String> needs = new TreeSet<>();
            while (wanted.find()) {
                needs.add(wanted.group(1));
            }
            assertThat(needs).containsExactly("ADAPTER", "CONFIG", "MODEL");
            assertThat(names(job.path("env"))).containsAll(needs);
            assertThat(job.toString()).as("the report that the script writes is kept").contains("\"path\":\"report.json\"");
        }
    }

    private static Set<String> names(JsonNode node) {
        Set<String> names = new TreeSet<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void theCallsInTheDocumentsGoWhereTheDaemonListens() throws IOException {
        Settings settings = defaults();
        for (Path document : List.of(CI, Path.of("src/docs/daemon.md"))) {
            Matcher call = Pattern.compile("http://([0-9.]+):(\\d+)/api").matcher(Files.readString(document));
            assertThat(call.find()).as(document.toString()).isTrue();
            do {
                assertThat(call.group(1)).isEqualTo(settings.http().host());
                assertThat(Integer.parseInt(call.group(2))).isEqualTo(settings.http().port());
            } while (call.find());
        }
    }
}
