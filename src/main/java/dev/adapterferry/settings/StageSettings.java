package dev.adapterferry.settings;

/** Where a run's stages are taken up: section {@code stage}. {@code direct:} on one machine; a queue where several share the work. */
public record StageSettings(
        @Setting(value = "Endpoint of the download stage.", def = "direct:download-adapter") String download,
        @Setting(value = "Endpoint of the merge stage.", def = "direct:merge-adapter") String merge,
        @Setting(value = "Endpoint of the quantize stage.", def = "direct:quantize-model") String quantize,
        @Setting(value = "Endpoint of the deploy stage.", def = "direct:deploy-model") String deploy,
        @Setting(value = "Endpoint of the health-check stage.", def = "direct:check-health") String healthCheck,
        @Setting(value = "Endpoint of the evaluate stage.", def = "direct:evaluate-model") String evaluate) {

    /** Refuses what is no Camel endpoint. */
    public StageSettings {
        for (String endpoint : java.util.List.of(download, merge, quantize, deploy, healthCheck, evaluate)) {
            if (!endpoint.matches("[a-z][a-z0-9+-]*:.+")) {
                throw new IllegalArgumentException("'" + endpoint + "' is no endpoint; write it as direct:name, seda:name or jms:queue");
            }
        }
    }
}
