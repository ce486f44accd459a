package dev.adapterferry.camel;

import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.stage.StageDesk;
import org.apache.camel.Exchange;

/** The bean {@code stages} of the routes: whether a stage is due, and what a failure of it means. */
public final class StagesBean {
    private final StageDesk desk;

    StagesBean(StageDesk desk) {
        this.desk = desk;
    }

    /** Whether the stage named in the headers has to be run. */
    public boolean isDue(Exchange exchange) {
        return desk.isDue(run(exchange), stage(exchange));
    }

    /** Whether the run may go on although this stage failed. */
    public boolean mayGoOn(Exchange exchange) {
        return exchange.getMessage().getHeader(FerryHeaders.STAGE) != null && desk.mayGoOn(run(exchange), stage(exchange));
    }

    /** Writes down that the stage failed and the run goes on. */
    public void failed(Exchange exchange) {
        desk.failed(run(exchange), stage(exchange), RunsBean.caught(exchange));
    }

    static String run(Exchange exchange) {
        return exchange.getMessage().getHeader(FerryHeaders.RUN, String.class);
    }

    static Stage stage(Exchange exchange) {
        return RunRequest.stage(exchange.getMessage().getHeader(FerryHeaders.STAGE, String.class));
    }
}
