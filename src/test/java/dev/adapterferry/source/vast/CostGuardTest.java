package dev.adapterferry.source.vast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When an instance may be touched, and what is believed about it. */
class CostGuardTest {
    private static final Homecoming SAFE = new Homecoming(7, 4, 4, true, true);

    private final List<String> commands = new ArrayList<>();
    private final List<Duration> pauses = new ArrayList<>();
    private String status = "running";
    private int looksUntilReached = 3;
    private int refuseWith;
    private final VastApi api = new VastApi(this::answer, URI.create("https://vast.example"), new VastKey(new Secret("key"), "VAST_API_KEY"), Duration.ofSeconds(1), pause -> { });
    private final CostGuard guard = new CostGuard(api, Duration.ofSeconds(60), pauses::add);

    private HttpReply answer(HttpCall call) {
        if (!call.method().equals("GET")) {
            commands.add(call.method() + " " + new String(call.body(), StandardCharsets.UTF_8));
            return reply(refuseWith == 0 ? 200 : refuseWith, "{\"success\":" + (refuseWith == 0) + "}");
        }
        if (!commands.isEmpty() && --looksUntilReached < 0) {
            status = commands.getFirst().startsWith("DELETE") ? null : "exited";
        }
        return reply(200, status == null ? "{\"instances\":null}" : "{\"instances\":{\"id\":7,\"actual_status\":\"" + status + "\",\"dph_total\":0.34,\"storage_total_cost\":0.04}}");
    }

    private static HttpReply reply(int code, String body) {
        return new HttpReply(code, Map.of(), body.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void stopsAndBelievesItOnlyWhenItShows() {
        CostGuard.Outcome outcome = guard.act(AfterPull.STOP, SAFE, new Cancellation());
        assertThat(commands).containsExactly("PUT {\"state\":\"stopped\"}");
        assertThat(pauses).as("looked until the state was reached").hasSize(3);
        assertThat(outcome.end()).isEqualTo(CostGuard.End.REACHED);
        assertThat(outcome.saved()).isCloseTo(0.30, within(1e-9));
        assertThat(outcome.sentence()).isEqualTo("Instance 7 was stopped, which saves $0.30 per hour; its storage goes on costing $0.040 per hour.");
    }

    @Test
    void destroysAndSavesAllOfIt() {
        CostGuard.Outcome outcome = guard.act(AfterPull.DESTROY, SAFE, new Cancellation());
        assertThat(commands).containsExactly("DELETE {}");
        assertThat(outcome.end()).isEqualTo(CostGuard.End.REACHED);
        assertThat(outcome.sentence()).isEqualTo("Instance 7 was destroyed, which saves $0.34 per hour.");
    }

    @ParameterizedTest
    @CsvSource({"0,0,true,true,nothing was pulled", "4,3,true,true,1 of 4 files have no checksum", "4,4,false,true,weights were not opened", "4,4,true,false,training has not said"})
    void touchesNothingThatIsNotSafelyHome(int files, int verified, boolean opened, boolean over, String why) {
        for (AfterPull wanted : List.of(AfterPull.STOP, AfterPull.DESTROY)) {
            CostGuard.Outcome outcome = guard.act(wanted, new Homecoming(7, files, verified, opened, over), new Cancellation());
            assertThat(outcome.end()).isEqualTo(CostGuard.End.FAILED);
            assertThat(outcome.sentence()).contains(why).contains("goes on costing money");
        }
        assertThat(commands).isEmpty();
    }

    @Test
    void keepsByDefaultWithoutAsking() {
        assertThat(guard.act(AfterPull.KEEP, SAFE, new Cancellation()).end()).isEqualTo(CostGuard.End.KEPT);
        assertThat(commands).isEmpty();
    }

    @Test
    void leavesAloneWhatHasStoppedAlready() {
        status = "stopped";
        assertThat(guard.act(AfterPull.STOP, SAFE, new Cancellation()).end()).isEqualTo(CostGuard.End.ALREADY);
        status = null;
        assertThat(guard.act(AfterPull.DESTROY, SAFE, new Cancellation()).sentence()).isEqualTo("Instance 7 is gone already.");
        assertThat(commands).isEmpty();
    }

    @Test
    void tellsOfAnInstanceThatDoesNotStop() {
        looksUntilReached = Integer.MAX_VALUE;
        CostGuard.Outcome outcome = guard.act(AfterPull.STOP, SAFE, new Cancellation());
        assertThat(outcome.end()).isEqualTo(CostGuard.End.FAILED);
        assertThat(outcome.sentence()).contains("after 60 s vast.ai still shows it as running").contains("may go on costing money");
        assertThat(pauses).hasSize(12);
    }

    @Test
    void tellsOfAKeyThatMayNotStopAnything() {
        refuseWith = 403;
        CostGuard.Outcome outcome = guard.act(AfterPull.STOP, SAFE, new Cancellation());
        assertThat(outcome.end()).isEqualTo(CostGuard.End.FAILED);
        assertThat(outcome.sentence()).contains("was not stopped and goes on costing money").contains("instance_write");
    }

    @Test
    void endsTheWaitWhenAskedTo() {
        Cancellation stop = new Cancellation();
        stop.request();
        CostGuard.Outcome outcome = guard.act(AfterPull.STOP, SAFE, stop);
        assertThat(commands).as("commanded all the same").hasSize(1);
        assertThat(outcome.end()).isEqualTo(CostGuard.End.FAILED);
        assertThat(outcome.sentence()).contains("nobody waited to see it happen");
    }
}
