package dev.adapterferry.camel;

import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.StageDesk;
import org.apache.camel.Exchange;

/** One stage as a bean of the routes: {@code downloadStage}, {@code mergeStage}, and so on. */
public final class StageBean {
    private final StageDesk desk;
    private final Stage stage;

    StageBean(StageDesk desk, Stage stage) {
        this.desk = desk;
        this.stage = stage;
    }

    /** Does the stage's work for the run named in the headers. The body stays as it is. */
    public void carry(Exchange exchange) {
        desk.carry(StagesBean.run(exchange), stage);
    }
}
