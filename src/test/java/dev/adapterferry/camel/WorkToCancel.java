package dev.adapterferry.camel;

import dev.adapterferry.bench.SyntheticQwen2;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.files.Folders;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.hub.HubDouble;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.StageState;
import dev.adapterferry.lora.AdapterMerger;
import dev.adapterferry.lora.LandingCheck;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.source.S3Double;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.transfer.FaultProxy;
import dev.adapterferry.waiting.Ports;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The daemon with the real routes and stages, and every kind of work that a run can be in the middle of, each made to last until somebody
 * stops it: machines and servers that fall silent, gigabytes to hash, questions without end.
 */
public final class WorkToCancel implements AutoCloseable {
    /** Longer than anybody waits here. */
    private static final String LONG = "10m";
    private static final int WEIGHTS = 12 << 20;
    /** Models of which a run is carried again after each silence. */
    private static final Set<String> RESUMED = Set.of("sftp", "bucket");
    private static final long LARGE = 12L << 30;

    private final Path folder;
    /** Processes that this one had started before: servers that other tests keep to its end. */
    private final Set<Long> others = ProcessHandle.current().children().map(ProcessHandle::pid).collect(Collectors.toSet());
    private final boolean big;
    private final Path large;
    private final DemoMaterial material;
    private final CancelMachines machines;
    private final FaultProxy vast;
    private final FaultProxy hubs;
    private final FaultProxy buckets;
    private final FaultProxy studio;
    private final HubDouble hub = new HubDouble();
    private final S3Double store = new S3Double();
    private final LmStudioDouble lmStudio;
    private final DemoVastApi api;
    private final FerryApplication daemon;
    private final Ledger elsewhere;

    /**
     * One kind of work.
     *
     * @param name     what the run waits for or computes, as a table says it
     * @param request  what is carried
     * @param arm      makes it last
     * @param underWay whether the run is in the middle of it
     * @param rests    whether nothing works on it any more: threads, connections, processes
     * @param mend     lets it end when it is done again
     * @param resumed  whether doing it again shows something of its own: what is kept, or that nothing was left behind
     */
    public record Kind(String name, RunRequest request, Runnable arm, Callable<Boolean> underWay, Callable<Boolean> rests, Runnable mend, boolean resumed) {
        @Override
        public String toString() {
            return name;
        }
    }

    /**
     * How it went.
     *
     * @param run       the run, as it ended
     * @param cancelled nanoseconds from the request to the run's end in the ledger
     * @param rested    nanoseconds from the request until nothing worked on it any more
     */
    public record Stopped(Run run, long cancelled, long rested) { }

    /**
     * Starts everything.
     *
     * @param folder an empty folder
     * @param alerts address that hears of failures
     * @param size   a size of {@link SyntheticQwen2} for what only computes; empty leaves that out
     */
    public WorkToCancel(Path folder, String alerts, Optional<String> size) throws Exception {
        this.folder = folder;
        this.big = size.isPresent();
        if (big) {
            SyntheticQwen2 model = SyntheticQwen2.ofSize(size.get());
            model.writeCheckpoint(folder.resolve("big"));
            model.writeAdapter(folder.resolve("big-adapter"), 16, folder.resolve("big").toString());
        }
        this.large = folder.resolve("large");
        this.material = new DemoMaterial(folder);
        material.unpack();
        Path training = new AdapterFixture(folder.resolve("training")).peft("", WEIGHTS, 1).file("", "trainer_state.json", AdapterFixture.state(10, 10, "")).root();
        machines = new CancelMachines(folder.resolve("machines"));
        Path models = Files.createDirectories(folder.resolve("models"));
        lmStudio = new LmStudioDouble(models);
        api = DemoVastApi.start(7, "rented", "demo", machines.sftp().port());
        vast = new FaultProxy(api.address().getPort());
        hub.repository = "org/adapter";
        hubs = new FaultProxy(hub.endpoint().getPort());
        buckets = new FaultProxy(store.endpoint().getPort());
        studio = new FaultProxy(lmStudio.base().getPort());
        lmStudio.brain = (file, prompt) -> "Aye. I am the ferry, and I carry adapters.";
        for (Path file : List.of(training.resolve("adapter_model.safetensors"), training.resolve("adapter_config.json"))) {
            hub.file(file.getFileName().toString(), Files.readAllBytes(file));
            store.objects.put("adapters/a/" + file.getFileName(), Files.readAllBytes(file));
        }
        Path sets = Files.createDirectories(folder.resolve("sets"));
        Files.writeString(sets.resolve("one.jsonl"), prompts(1));
        Files.writeString(sets.resolve("many.jsonl"), prompts(600));
        Settings settings = settings(training, models, sets, alerts);
        daemon = FerryApplication.forDaemon(settings, Path.of("").toAbsolutePath(), Progress.NONE);
        elsewhere = Ledger.open(settings.ledger().url(), Optional.empty(), Optional.empty(), settings.ledger().lease());
    }

    private static String prompts(long number) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < number; i++) {
            lines.append("{\"id\":\"q").append(i).append("\",\"category\":\"c\",\"prompt\":\"Who are you, number ").append(i).append("?\",\"contains\":[\"ferry\"]}\n");
        }
        return lines.toString();
    }

    private Settings settings(Path training, Path models, Path sets, String alerts) throws IOException {
        Path file = folder.resolve("ferry.yaml");
        String demo = "base: " + material.base() + ", source: {url: \"file:" + material.training() + "\"}, formats: [Q8_0], publisher: demo, temperature: 0, context-length: 512";
        Files.writeString(file, """
                home: %s
                models:
                  sftp: {base: x/y, source: {url: "ssh://root@127.0.0.1:%d%s"}}
                  rsync: {base: x/y, source: {url: "ssh://root@127.0.0.1:%d%s"}}
                  scp: {base: x/y, source: {url: "ssh://root@127.0.0.1:%d%s"}}
                  command: {base: x/y, source: {url: "ssh://root@127.0.0.1:%d%s"}}
                  greeting: {base: x/y, source: {url: "ssh://root@127.0.0.1:%d%s"}}
                  rented: {base: x/y, source: {instance-id: 7, path: %s}}
                  repository: {base: x/y, source: {url: "hf://org/adapter"}}
                  bucket: {base: x/y, source: {url: "s3://lake/adapters/a"}}
                  local: {base: x/y, source: {url: "file:%s"}}
                  big: {base: %s, source: {url: "file:%s"}}
                  pause: {base: x/y, source: {url: "ssh://root@127.0.0.1:%d/nowhere"}}
                  studio: {%s, endpoint: "http://127.0.0.1:%d", evaluation: [one], test-prompts: ["Who are you?"]}
                  embedded: {%s, endpoint: "http://127.0.0.1:1", evaluation: [many]}
                source: {settle: 0, timeout: %s, connect-timeout: %s, channels: 2, s3: {endpoint: "http://127.0.0.1:%d", access-key: %s, secret-key: s, path-style: true}}
                vast: {api-key: demo, api-url: "http://127.0.0.1:%d", ssh-key: %s, known-hosts: %s, timeout: %s, poll: "0 0 0 1 1 ?"}
                hub: {endpoint: "http://127.0.0.1:%d", cache: %s, timeout: %s, channels: 2}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:%d"}}
                health: {every: 0, timeout: %s, load-timeout: %s, answer-timeout: %s, retries: 0, min-tokens-per-second: 0}
                evaluate: {path: %s, timeout: %s, max-tokens: 400, warm-up: 0}
                alerts: {on: [failed], webhook: {enabled: true, url: "%s"}}
                pipeline: {max-concurrent-runs: 1, retries: {attempts: 3, delay: %s, max-delay: %s}}
                merge: {save: %s}
                http: {enabled: false}
                """.formatted(folder.resolve("home"), machines.sftp().port(), training, machines.rsync().port(), training, machines.scp().port(), training, machines.command().port(), training,
                machines.greeting().port(), training, training, training, folder.resolve("big"), folder.resolve("big-adapter"), Ports.free(), demo, studio.port(), demo, LONG, LONG, buckets.port(), S3Double.ACCESS_KEY, vast.port(), machines.loginKey(),
                folder.resolve("known-hosts"), LONG, hubs.port(), folder.resolve("cache"), LONG, models, studio.port(), LONG, LONG, LONG, sets, LONG, alerts, LONG, LONG, big));
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    /** Every kind of waiting and, if there is a model to compute with, of computing. */
    public List<Kind> kinds() {
        List<Kind> kinds = new ArrayList<>(waits());
        if (big) {
            RunRequest request = new RunRequest("big", null, folder.resolve("big-adapter").toString(), null, List.of("Q4_K_M", "Q5_K_M", "Q8_0"), null, null, List.of(), false, "api");
            kinds.add(new Kind("writing a merged checkpoint", request, () -> { }, () -> isAt(SafetensorsWriter.class), () -> !isAt(AdapterMerger.class), () -> { }, false));
            kinds.add(new Kind("looking whether the merge landed", request, () -> { }, () -> isAt(LandingCheck.class), () -> !isAt(AdapterMerger.class), () -> { }, false));
            kinds.add(new Kind("the pass: merging and quantizing row blocks", request, () -> { }, () -> isRunning("pass-"), () -> !isRunning("pass-"), () -> { }, false));
            kinds.add(new Kind("hashing what is to be installed", request, () -> { }, () -> isIn("big", "deploy") && isAt(Sha256.class), () -> !isAt(Sha256.class), () -> { }, false));
        }
        return kinds;
    }

    private List<Kind> waits() {
        return List.of(
                silent("an SFTP transfer, the machine silent in the middle", "sftp", machines.sftp(), () -> machines.sftp().stall(machines.sftp().fromServer() + WEIGHTS / 3)),
                silent("rsync, the machine silent in the middle", "rsync", machines.rsync(), () -> machines.rsync().stall(machines.rsync().fromServer() + WEIGHTS / 3)),
                silent("scp, the machine silent in the middle", "scp", machines.scp(), () -> machines.scp().stall(machines.scp().fromServer() + WEIGHTS / 3)),
                new Kind("a command on the rented machine that does not end", download("command"), () -> machines.slow(true), machines::isSlowUnderWay, () -> !machines.isSlowUnderWay(), () -> machines.slow(false), false),
                silent("an SSH machine that takes the connection and says nothing", "greeting", machines.greeting(), () -> machines.greeting().silence("SSH-2.0")),
                silent("a question to vast.ai", "rented", vast, () -> vast.silence("GET /api")),
                silent("a question to the hub", "repository", hubs, () -> hubs.silence("GET /api/models")),
                new Kind("a download from the hub, silent in the middle", download("repository"), () -> stall(WEIGHTS), () -> hub.stalls.get() == 0, () -> !isRunning("https-lane"), () -> { }, false),
                new Kind("a small file of the hub, silent in the middle", download("repository"), () -> stall(0), () -> hub.stalls.get() == 0, () -> true, () -> { }, false),
                silent("a listing of a bucket", "bucket", buckets, () -> buckets.silence("GET /lake?"), false),
                silent("an object of a bucket, silent in the middle", "bucket", buckets, () -> buckets.stall(buckets.fromServer() + WEIGHTS / 3)),
                new Kind("SHA-256 of a large file", new RunRequest("local", null, large.toString(), null, List.of(), "download", null, List.of(), false, "api"), () -> large(LARGE), () -> isAt(Sha256.class),
                        () -> !isAt(Sha256.class), () -> large(WEIGHTS), false),
                new Kind("the pause before the next attempt", download("pause"), () -> { }, () -> hasEvent("pause", "stage-retried"), () -> true, () -> { }, false),
                silent("LM Studio loading a model", "studio", studio, () -> studio.silence("POST /api/v1/models/load"), true),
                silent("a question of the health check", "studio", studio, () -> studio.silence("POST /v1/chat")),
                new Kind("answers of the embedded llama.cpp", RunRequest.of("embedded", "api"), () -> { }, () -> isIn("embedded", "evaluate") && children() > 0, () -> children() == 0, () -> { }, false));
    }

    private static RunRequest download(String model) {
        return new RunRequest(model, null, null, null, List.of(), "download", null, List.of(), false, "api");
    }

    private Kind silent(String name, String model, FaultProxy proxy, Runnable arm) {
        return silent(name, model, proxy, arm, RESUMED.contains(model));
    }

    /** The connections that are held open must have been closed by the ferry, and no child process may be left. */
    private Kind silent(String name, String model, FaultProxy proxy, Runnable arm, boolean resumed) {
        return new Kind(name, model.equals("studio") ? RunRequest.of(model, "api") : download(model), arm, () -> proxy.held() > 0, () -> proxy.held() == 0 && children() == 0, () -> proxy.silence(null), resumed);
    }

    /** Carries a run of this kind until it is in the middle, and cancels it from another connection to the ledger, as {@code ferry cancel} does. */
    public Stopped stop(Kind kind) throws Exception {
        forget();
        kind.arm().run();
        String id = daemon.submit(kind.request()).run().id();
        Waiting.until(kind.name() + " is under way", () -> {
            if (daemon.ledger().runs().get(id).state().isEnd()) {
                throw new AssertionError(kind.name() + ": the run ended before it was cancelled: " + daemon.ledger().runs().get(id).error());
            }
            return kind.underWay().call();
        });
        long asked = System.nanoTime();
        elsewhere.runs().cancel(id);
        long[] rested = {0};
        Thread watcher = Thread.ofPlatform().daemon().start(() -> {
            try {
                until(kind.rests());
                rested[0] = System.nanoTime() - asked;
            } catch (Exception e) {
                throw new IllegalStateException(kind.name(), e);
            }
        });
        until(() -> elsewhere.runs().get(id).state().isEnd());
        long cancelled = System.nanoTime() - asked;
        watcher.join();
        kind.mend().run();
        if (rested[0] == 0) {
            throw new AssertionError(kind.name() + ": what the run held or did goes on two minutes after it was cancelled");
        }
        return new Stopped(elsewhere.runs().get(id), cancelled, Math.max(cancelled, rested[0]));
    }

    /** What an earlier run has kept would leave this one too little to wait for. */
    private void forget() throws IOException {
        for (String kept : List.of("home/adapters", "home/merged", "home/gguf")) {
            Folders.delete(folder.resolve(kept));
        }
    }

    private static void until(Callable<Boolean> condition) throws Exception {
        for (long end = System.nanoTime() + 120_000_000_000L; System.nanoTime() < end; Thread.sleep(10)) {
            if (condition.call()) {
                return;
            }
        }
        throw new AssertionError("waited in vain");
    }

    /** Sends a run that was stopped again, once nothing holds it up any more. */
    public Run again(Run stopped) throws Exception {
        Thread.ofPlatform().daemon().start(() -> daemon.retry(stopped.id()));
        Waiting.until(stopped.model() + " has been carried again", () -> {
            Run newest = daemon.ledger().runs().newest(1).getFirst();
            daemon.ledger().events().of(newest.id(), 0, 100).stream().filter(event -> event.kind().equals("stage-retried")).findFirst().ifPresent(event -> {
                throw new AssertionError("it failed, and waits for ten minutes: " + event.text());
            });
            return !newest.id().equals(stopped.id()) && newest.state().isEnd();
        });
        return daemon.ledger().runs().newest(1).getFirst();
    }

    /** The daemon's ledger. */
    public Ledger ledger() {
        return daemon.ledger();
    }

    private boolean isIn(String model, String stage) {
        return daemon.ledger().runs().in(RunState.RUNNING).stream().filter(run -> run.model().equals(model))
                .anyMatch(run -> daemon.ledger().stages().find(run.id(), stage).filter(entry -> entry.state() == StageState.RUNNING).isPresent());
    }

    private boolean hasEvent(String model, String kind) {
        return daemon.ledger().runs().in(RunState.RUNNING).stream().filter(run -> run.model().equals(model))
                .anyMatch(run -> daemon.ledger().events().of(run.id(), 0, 100).stream().anyMatch(event -> event.kind().equals(kind)));
    }

    private static boolean isRunning(String name) {
        return Thread.getAllStackTraces().keySet().stream().anyMatch(thread -> thread.getName().contains(name));
    }

    /** Processes that the daemon has started, and theirs. */
    private long children() {
        return ProcessHandle.current().children().filter(child -> !others.contains(child.pid())).flatMap(child -> Stream.concat(Stream.of(child), child.descendants())).filter(ProcessHandle::isAlive).count();
    }

    private void stall(int fromSize) {
        hub.stallFrom = fromSize;
        hub.stalls.set(1);
    }

    /** Whether any thread is in a class's code. */
    private static boolean isAt(Class<?> code) {
        return Thread.getAllStackTraces().values().stream().flatMap(Arrays::stream).anyMatch(frame -> frame.getClassName().equals(code.getName()));
    }

    /** Weights of so many bytes, most of them a hole. */
    private void large(long bytes) {
        try (RandomAccessFile file = new RandomAccessFile(Files.createDirectories(large).resolve("adapter_model.safetensors").toFile(), "rw")) {
            file.setLength(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws Exception {
        elsewhere.close();
        daemon.close();
        for (AutoCloseable each : List.of(vast, hubs, buckets, studio, machines, lmStudio, api, hub, store)) {
            each.close();
        }
    }
}
