package dev.adapterferry.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.AdapterHome;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;

/** Says what a pull brought, as a line for people and as JSON. */
final class PullReport {
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * What lies here now.
     *
     * @param facts what the download stage records of it
     */
    record Pulled(Facts.Downloaded facts) {
        static Pulled of(AdapterHome.Arrival arrival) {
            return new Pulled(Facts.Downloaded.of(arrival));
        }

        static Pulled of(Settings settings, FerryApplication.Outcome outcome) {
            return new Pulled(new Records(settings.runs().resolve(outcome.id())).get(Stage.DOWNLOAD, Facts.Downloaded.class));
        }

        long size() {
            return facts.items().stream().mapToLong(Facts.Item::bytes).sum();
        }
    }

    String line(String name, Pulled pulled) {
        Facts.Downloaded facts = pulled.facts();
        String what = facts.items().size() + " files, " + Console.bytes(pulled.size());
        return name + ": " + (facts.bytes() == 0 ? "nothing is to be done; " + what + " from " + facts.source() + " lie in " + facts.adapter() + ", verified"
                : what + " from " + facts.source() + " now lie in " + facts.adapter() + ", " + Console.bytes(facts.bytes()) + " transferred, verified")
                + (facts.archive() == null ? "" : "; archived as " + facts.archive()) + "." + (facts.instance() == null ? "" : " " + facts.instance().sentence());
    }

    ObjectNode json(Pulled pulled) {
        Facts.Downloaded facts = pulled.facts();
        ObjectNode node = JSON.createObjectNode().put("folder", facts.adapter().toString()).put("identity", facts.identity()).put("source", facts.source())
                .put("bytes", pulled.size()).put("transferred", facts.bytes());
        facts.items().forEach(item -> node.withArray("files").addObject().put("name", item.path().getFileName().toString()).put("bytes", item.bytes()).put("sha256", item.sha256()));
        if (facts.archive() != null) {
            node.put("archive", facts.archive().toString());
        }
        if (facts.instance() != null) {
            node.putObject("instance").put("id", facts.instance().instance()).put("end", facts.instance().end().name().toLowerCase(java.util.Locale.ROOT))
                    .put("dollarsAnHourSaved", facts.instance().saved()).put("sentence", facts.instance().sentence());
        }
        return node;
    }
}
