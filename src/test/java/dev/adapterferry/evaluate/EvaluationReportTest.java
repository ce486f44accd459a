package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

class EvaluationReportTest {
    @TempDir
    Path directory;

    @Test
    void intervalsCoverTheTrueMeanAboutAsOftenAsTheySay() {
        // 400 samples of 40 values from a known distribution: the interval should hold the true mean in about 95 %.
        Random random = new Random(7);
        int covered = 0;
        for (int trial = 0; trial < 400; trial++) {
            List<Bootstrap.Sample> samples = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                samples.add(new Bootstrap.Sample(random.nextDouble() < 0.7 ? 1 : 0, 1));
            }
            Interval interval = Bootstrap.mean(samples);
            covered += interval.low() <= 0.7 && 0.7 <= interval.high() ? 1 : 0;
            assertThat(interval.low()).isLessThanOrEqualTo(interval.mean());
            assertThat(interval.high()).isGreaterThanOrEqualTo(interval.mean());
        }
        assertThat(covered / 400.0).isCloseTo(0.95, within(0.04));
        assertThat(Bootstrap.mean(List.of())).isNull();
        assertThat(Bootstrap.mean(List.of(new Bootstrap.Sample(0.5, 3)))).isEqualTo(new Interval(0.5, 0.5, 0.5));
    }

    @Test
    void theSameOutcomesGiveTheSameInterval() {
        Scorecard card = card("a", 30, i -> i % 3 == 0 ? 0 : 1, 20);
        assertThat(Bootstrap.score(card)).isEqualTo(Bootstrap.score(card));
    }

    @Test
    void pairsPromptsAndLeavesOutWhatOneDidNotAnswer() {
        Scorecard mine = new Scorecard("mine", "", List.of(outcome("a", "x", 1.0, 10), outcome("b", "x", 0.0, 10), failed("c"), outcome("d", "x", 1.0, 10)));
        Scorecard other = new Scorecard("other", "", List.of(outcome("a", "y", 0.0, 20), outcome("b", "x", 0.0, 20), outcome("c", "x", 1.0, 20), failed("d"), outcome("e", "x", 1.0, 20)));
        Comparison comparison = Comparison.of(mine, other);

        assertThat(comparison.pairs()).isEqualTo(2);
        assertThat(comparison.difference().mean()).isEqualTo(0.5);
        assertThat(comparison.better()).containsExactly("a");
        assertThat(comparison.worse()).isEmpty();
        assertThat(comparison.identical()).isEqualTo(1);
        assertThat(comparison.speed().mean()).isEqualTo(0.5, within(1e-12));
        assertThat(comparison.chance()).as("one prompt decides nothing").isEqualTo(1);
        assertThat(comparison.isSameModel()).isFalse();
        assertThat(Comparison.of(new Scorecard("none", "", List.of(failed("a"))), other).contenderWins()).isFalse();
    }

    @Test
    void theWinnerHasTheBetterScoreOrTheSameAndMoreSpeed() {
        Scorecard good = card("good", 40, i -> i % 10 == 0 ? 0 : 1, 20);
        Scorecard bad = card("bad", 40, i -> i % 2, 200);
        Scorecard fast = card("fast", 40, i -> i % 10 == 1 ? 0 : 1, 40);

        assertThat(Comparison.of(good, bad).contenderWins()).isTrue();
        assertThat(Comparison.of(bad, good).contenderWins()).as("fast but worse").isFalse();
        assertThat(Comparison.of(bad, good).reason()).contains("worse");
        assertThat(Comparison.of(fast, good).contenderWins()).isTrue();
        assertThat(Comparison.of(fast, good).reason()).contains("no difference beyond chance").contains("2.00 times the speed");
        assertThat(Comparison.of(good, fast).contenderWins()).isFalse();
        assertThat(Comparison.of(good, good).contenderWins()).as("nothing gained").isFalse();
    }

    @Test
    void speedsOfDifferentServersAreNotCompared() {
        Scorecard slow = card("slow", 40, i -> 1, 20);
        Scorecard fast = card("fast", 40, i -> 1, 200);
        Scorecard elsewhere = new Scorecard("fast", "", fast.outcomes(), null, "http://127.0.0.1:1234");
        assertThat(Comparison.of(fast, slow).contenderWins()).isTrue();
        assertThat(Comparison.of(elsewhere, slow).contenderWins()).isFalse();
        assertThat(Comparison.of(elsewhere, slow).reason()).contains("speed does not count");
    }

    @Test
    void speedOfOneFormatOrOfAnotherDayDoesNotCount() {
        Scorecard slow = new Scorecard("slow", "Q4_K_M", card("slow", 40, i -> 1, 20).outcomes(), null, "embedded");
        Scorecard fast = new Scorecard("fast", "Q4_K_M", card("fast", 40, i -> 1, 200).outcomes(), null, "embedded");
        assertThat(Comparison.of(fast, slow).contenderWins()).isFalse();
        Scorecard other = new Scorecard("other", "Q8_0", slow.outcomes(), null, "embedded");
        assertThat(Comparison.of(fast, other).contenderWins()).isTrue();
        Scorecard earlier = other.rescored(other.outcomes().stream().map(outcome -> new Prompt(outcome.id(), "general", outcome.prompt(), null, 1,
                List.of(new Prompt.Weighted(new Check.AnyOf(List.of("answer"), false), 1)))).toList()).orElseThrow();
        assertThat(Comparison.of(fast, earlier).contenderWins()).isFalse();
        assertThat(Comparison.of(fast, earlier).reason()).contains("speed does not count");
        assertThat(Comparison.of(new Scorecard("fast", "", fast.outcomes().subList(0, 5)), new Scorecard("slow", "", slow.outcomes())).contenderWins()).as("five prompts are too few").isFalse();
    }

    @Test
    void theGateNamesEveryReason() {
        Scorecard card = card("majora 2", 20, i -> i < 10 ? 1 : 0, 20);
        Scorecard previous = card("majora 1", 20, i -> i < 16 ? 1 : 0, 20);
        Optional<Comparison> drop = Optional.of(Comparison.of(card, previous));

        assertThat(new Gate(null, null, 0, true).objections(card, drop, Optional.empty())).isEmpty();
        assertThat(new Gate(0.6, 0.2, 0, true).objections(card, drop, Optional.empty())).containsExactly("the score is 0.500, at least 0.600 is demanded", "the score is 0.300 below majora 1 on the 20 prompts of both (by chance in 3.1 % of cases), at most 0.200 is allowed");
        assertThat(new Gate(0.5, 0.35, 0, true).objections(card, drop, Optional.empty())).isEmpty();
        assertThat(new Gate(null, null, 0.1, true).objections(new Scorecard("m", "", List.of(outcome("a", "x", 1.0, 10), failed("b"))), Optional.empty(), Optional.empty()))
                .singleElement().asString().contains("1 of 2 prompts were not answered").contains("connection refused");
        assertThat(new Gate(null, null, 1, true).objections(new Scorecard("m", "", List.of(failed("b"))), Optional.empty(), Optional.empty())).singleElement().asString().contains("none of the 1 prompts");
        assertThatThrownBy(() -> new Gate(60.0, null, 0, true)).isInstanceOf(SettingsException.class).hasMessageContaining("min-score 60.0");
    }

    @Test
    void aDropThatMayBeChanceIsNoReason() {
        Scorecard card = card("majora 2", 20, i -> i < 10 ? 1 : 0, 20);
        for (int lost = 0; lost <= 8; lost++) {
            int before = 10 + lost;
            Comparison drop = Comparison.of(card, card("majora 1", 20, i -> i < before ? 1 : 0, 20));
            // Of six prompts that changed, all for the worse: 2 of 64 ways. Of five: 2 of 32.
            assertThat(new Gate(null, 0.05, 0, true).objections(card, Optional.of(drop), Optional.empty())).as("%d prompts lost", lost).hasSize(lost >= 6 ? 1 : 0);
        }
        Comparison mixed = Comparison.of(card("majora 2", 20, i -> i % 2 == 0 ? 1 : 0, 20), card("majora 1", 20, i -> i % 2 == 1 || i < 4 ? 1 : 0, 20));
        assertThat(mixed.difference().mean()).isLessThan(-0.05);
        assertThat(new Gate(null, 0.05, 0, true).objections(card, Optional.of(mixed), Optional.empty())).as("eight gained, ten lost").isEmpty();
    }

    @Test
    void theGateCatchesAnAdapterThatChangesNothing() {
        Scorecard base = card("base", 10, i -> 1, 20);
        Optional<Comparison> same = Optional.of(Comparison.of(card("majora 1", 10, i -> 1, 20), base));
        assertThat(new Gate(null, null, 0, true).objections(base, Optional.empty(), same)).singleElement().asString().contains("word for word").contains("the adapter changes nothing");
        assertThat(new Gate(null, null, 0, false).objections(base, Optional.empty(), same)).isEmpty();
    }

    @Test
    void writesReportsThatCanBeReadBack() throws Exception {
        EvaluationReport report = report();
        Path file = report.write(directory.resolve("reports"));
        JsonNode json = new ObjectMapper().readTree(file.toFile());

        assertThat(json.at("/cards/0/summary/score").asDouble()).isEqualTo(2.0 / 3, within(1e-12));
        assertThat(json.at("/cards/0/summary/errors").asInt()).isEqualTo(1);
        assertThat(json.at("/cards/0/outcomes/3/score").isNull()).isTrue();
        assertThat(json.at("/cards/0/summary/interval/low").isNumber()).isTrue();
        assertThat(json.at("/comparisons/0/contenderWins").isBoolean()).isTrue();
        assertThat(json.path("passed").asBoolean()).isFalse();
        assertThat(EvaluationReport.readCards(file)).isEqualTo(report.cards());
        assertThat(Files.list(directory.resolve("reports")).map(path -> path.getFileName().toString())).containsExactlyInAnyOrder("evaluation.json", "evaluation.md", "evaluation.html");
        assertThatThrownBy(() -> EvaluationReport.readCards(directory.resolve("none.json"))).isInstanceOf(FerryException.class).hasMessageContaining("none.json");
    }

    @Test
    void theLegendOfManyContendersStaysInsideTheChart() {
        List<BarChart.Series> series = java.util.stream.IntStream.range(0, 7).mapToObj(i -> new BarChart.Series("contender number " + i, List.of(0.5, 1.0))).toList();
        String svg = BarChart.of(List.of("facts", "sums"), series, null, 1.0, "");
        int height = number(svg, "viewBox=\"0 0 760 (\\d+)\"").getFirst();
        assertThat(number(svg, "<rect x=\"(\\d+)\" y=\"\\d+\" width=\"12\"")).hasSize(7).allSatisfy(x -> assertThat(x).isLessThan(600));
        assertThat(number(svg, "<text x=\"\\d+\" y=\"(\\d+)\"")).allSatisfy(y -> assertThat(y).isLessThan(height));
    }

    private static List<Integer> number(String text, String pattern) {
        return java.util.regex.Pattern.compile(pattern).matcher(text).results().map(match -> Integer.valueOf(match.group(1))).toList();
    }

    @Test
    void thePageIsWellFormedLoadsNothingAndRunsNothing() throws Exception {
        String html = report().html();
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        Document page = factory.newDocumentBuilder().parse(new ByteArrayInputStream(html.getBytes(StandardCharsets.UTF_8)));

        assertThat(page.getElementsByTagName("svg").getLength()).isEqualTo(4);
        assertThat(page.getElementsByTagName("script").getLength()).isZero();
        assertThat(page.getElementsByTagName("img").getLength()).isZero();
        assertThat(html.replaceAll("<pre>.*?</pre>", "")).doesNotContain("http:").doesNotContain("https:").doesNotContain("src=").doesNotContain("url(").doesNotContain("@import");
        assertThat(page.getElementsByTagName("pre").item(1).getTextContent()).isEqualTo("<script>alert('1')</script> & \"so\" | `on` \uFFFD");
    }

    /** Every figure of issue and page, per contender (a format or a release) and per category, in each of the three forms. */
    @Test
    void everyFormTellsEveryFigureOfEachFormatAndCategory() throws Exception {
        List<Scored> outcomes = new ArrayList<>();
        for (int i = 1; i <= 20; i++) {
            outcomes.add(new Scored("p" + i, i <= 10 ? "facts" : "sums", 1, "Question " + i, "answer", i % 4 == 0 ? 0.0 : 1.0, 100.0 * i, 10.0 * i, 20, 50.0 + i, null));
        }
        Scorecard four = new Scorecard("majora 2 Q4_K_M", "Q4_K_M", outcomes, 4_700_000_000L, "embedded");
        Scorecard eight = new Scorecard("majora 2 Q8_0", "Q8_0", outcomes.stream().map(one -> new Scored(one.id(), one.category(), 1, one.prompt(), one.answer(), one.score(), one.latencyMillis() * 2,
                one.firstTokenMillis() * 2, 20, one.tokensPerSecond() / 2, null)).toList(), 8_100_000_000L, "embedded");
        EvaluationReport report = new EvaluationReport("majora", Instant.parse("2026-08-17T10:00:00Z"), List.of(four, eight), List.of(Comparison.of(eight, four)), List.of());

        JsonNode cards = new ObjectMapper().readTree(report.json()).path("cards");
        assertThat(cards.at("/0/memoryBytes").asLong()).isEqualTo(4_700_000_000L);
        assertThat(cards.at("/1/memoryBytes").asLong()).isEqualTo(8_100_000_000L);
        assertThat(figures(cards.at("/0/summary"))).containsExactly(0.75, 1000.0, 1900.0, 100.0, 190.0, 60.0);
        assertThat(figures(cards.at("/0/categories/facts"))).containsExactly(0.8, 500.0, 1000.0, 50.0, 100.0, 55.0);
        assertThat(figures(cards.at("/1/categories/sums"))).containsExactly(0.7, 3000.0, 4000.0, 300.0, 400.0, 32.5);

        assertThat(report.markdown().lines().map(line -> line.replace("\\", ""))).anyMatch(line -> line.matches("\\| majora 2 Q4_K_M \\| 0\\.750 \\| .* \\| 20 of 20 \\| 0 \\| 1000 ms \\| 1900 ms \\| 100 ms \\| 190 ms \\| 60 \\| 4\\.70 GB \\|"))
                .contains("| facts | majora 2 Q4_K_M | 0.800 | 10 of 10 | 0 | 500 ms | 1000 ms | 50 ms | 100 ms | 55 |", "| sums | majora 2 Q8_0 | 0.700 | 10 of 10 | 0 | 3000 ms | 4000 ms | 300 ms | 400 ms | 33 |");

        Document page = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(report.html().getBytes(StandardCharsets.UTF_8)));
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < page.getElementsByTagName("tr").getLength(); i++) {
            List<String> cells = new ArrayList<>();
            for (int j = 0; j < page.getElementsByTagName("tr").item(i).getChildNodes().getLength(); j++) {
                cells.add(page.getElementsByTagName("tr").item(i).getChildNodes().item(j).getTextContent().strip());
            }
            rows.add(String.join("|", cells.stream().filter(cell -> !cell.isEmpty()).toList()));
        }
        assertThat(rows).anyMatch(row -> row.matches("majora 2 Q8_0\\|0\\.750\\|.*\\|20 of 20\\|0\\|2000 ms\\|3800 ms\\|200 ms\\|380 ms\\|30\\|8\\.10 GB"))
                .anyMatch(row -> row.matches("facts\\|majora 2 Q4_K_M\\|0\\.800\\|.*\\|10 of 10\\|0\\|500 ms\\|1000 ms\\|50 ms\\|100 ms\\|55"))
                .anyMatch(row -> row.matches("sums\\|majora 2 Q8_0\\|0\\.700\\|.*\\|3000 ms\\|4000 ms\\|300 ms\\|400 ms\\|33"));
    }

    private static List<Double> figures(JsonNode summary) {
        return java.util.stream.Stream.of("score", "latencyMillisP50", "latencyMillisP95", "firstTokenMillisP50", "firstTokenMillisP95", "tokensPerSecond").map(name -> summary.path(name).asDouble()).toList();
    }

    @Test
    void theTableSurvivesWhatModelsSay() {
        String markdown = report().markdown();
        assertThat(markdown).contains("**not passed**").contains("- too \\<low\\>").contains("## By category").contains("connection refused");
        assertThat(markdown.lines().filter(line -> line.startsWith("| ")).map(line -> line.replace("\\|", "").chars().filter(c -> c == '|').count())).containsExactly(12L, 12L, 12L, 11L, 11L, 11L, 11L, 11L);
    }

    private static EvaluationReport report() {
        Scorecard mine = new Scorecard("majora 2", "Q4_K_M", List.of(outcome("a", "<script>alert('1')</script> & \"so\" | `on` \u0007", 1.0, 10), outcome("b", "x", 0.0, 12),
                new Scored("c", "sums|weird", 1, "2+2?", "4", 1.0, 30.5, null, null, null, null), failed("d")), 1_500_000_000L, null);
        Scorecard base = new Scorecard("base", "", List.of(failed("a"), failed("b")));
        return new EvaluationReport("majora", Instant.parse("2026-08-17T10:00:00Z"), List.of(mine, base), List.of(Comparison.of(mine, base)), List.of("too <low>"));
    }

    private static Scorecard card(String label, int prompts, IntToDoubleFunction score, double rate) {
        List<Scored> outcomes = new ArrayList<>();
        for (int i = 0; i < prompts; i++) {
            outcomes.add(outcome("p" + i, "answer", score.applyAsDouble(i), rate));
        }
        return new Scorecard(label, "", outcomes);
    }

    private static Scored outcome(String id, String answer, double score, double rate) {
        return new Scored(id, "general", 1, "prompt " + id, answer, score, 100.0, 10.0, 20, rate, null);
    }

    private static Scored failed(String id) {
        return new Scored(id, "general", 1, "prompt " + id, null, null, null, null, null, null, "connection refused");
    }
}
