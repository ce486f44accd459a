package dev.adapterferry.camel;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.StageDesk;
import org.apache.camel.Exchange;

/** One stage as a bean of the routes: {@code downloadStage}, {@code mergeStage}, and so on. */
public final class StageBean {
    private final StageDesk desk;
    private final Stage stage;
    private final Meters meters;

    StageBean(StageDesk desk, Stage stage, Meters meters) {
        this.desk = desk;
        this.stage = stage;
        this.meters = meters;
    }

    /** Does the stage's work for the run named in the headers. The body stays as it is. */
    public void carry(Exchange exchange) {
        try {
            meters.done(desk.carry(StagesBean.run(exchange), stage));
        } catch (Cancelled e) {
            throw e;
        } catch (RuntimeException e) {
            meters.failed(stage);
            throw e;
        }
    }
}
