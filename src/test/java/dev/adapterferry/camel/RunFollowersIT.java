package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.waiting.Waiting;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many clients that follow one run: how many may, and what becomes of the others when one vanishes. */
class RunFollowersIT {
    @TempDir
    Path folder;

    private HttpResponse<InputStream> follow(ApiCalls api, String run) throws IOException, InterruptedException {
        return api.client().send(api.to("/api/runs/" + run + "/events").build(), HttpResponse.BodyHandlers.ofInputStream());
    }

    private static List<String> rest(HttpResponse<InputStream> stream) throws IOException {
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        }
    }

    @Test
    void asManyFollowAsThereArePlacesAndOneThatVanishesFreesIts() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        try (StubbedDaemon daemon = new StubbedDaemon(folder, "  majora: {formats: [Q8_0]}", "http: {port: 0}", Map.of(Stage.MERGE, run -> {
            Waiting.behind(goOn);
        }))) {
            ApiCalls api = daemon.api();
            String run = api.post("/api/runs", "{\"model\":\"majora\"}", 202).path("run").asText();
            Waiting.until("the run to begin", () -> daemon.ledger().runs().get(run).state() == RunState.RUNNING);
            List<HttpResponse<InputStream>> following = new ArrayList<>();
            for (int client = 0; client < RunFollowers.MOST; client++) {
                following.add(follow(api, run));
                assertThat(following.getLast().statusCode()).as("client " + client).isEqualTo(200);
            }
            HttpResponse<String> late = api.send(api.to("/api/runs/" + run + "/events"));
            assertThat(ApiCalls.answer("one more", late, 503).path("detail").asText()).contains("64 clients");
            assertThat(late.headers().firstValue("retry-after")).isPresent();
            assertThat(api.get("/api/runs/" + run, 200).path("state").asText()).as("everything else is answered").isEqualTo("running");

            following.removeFirst().body().close();
            Waiting.until("the place of the client that has gone", () -> {
                HttpResponse<InputStream> next = follow(api, run);
                boolean placed = next.statusCode() == 200;
                if (placed) {
                    following.add(next);
                } else {
                    next.body().close();
                }
                return placed;
            });
            goOn.countDown();
            for (HttpResponse<InputStream> each : following) {
                assertThat(rest(each)).contains("event: started", "event: done", "event: end");
            }
            // All have ended by themselves: there is a place for each again.
            assertThat(api.events(run)).endsWith("event: end", "data: {}", "");
        }
    }
}
