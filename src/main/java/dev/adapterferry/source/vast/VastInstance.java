package dev.adapterferry.source.vast;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * A rented machine as the API tells of it. Texts are stripped, absent ones empty.
 *
 * @param id             contract id, what users call the instance id
 * @param label          the user's own name for it
 * @param actualStatus   what the container does: {@code running}, {@code loading}, {@code exited}, ...; empty while it is being provisioned
 * @param intendedStatus what it should do
 * @param statusMessage  free text of the host
 * @param runType        launch modes, for example {@code ssh ssh_direc ssh_proxy}
 * @param sshHost        proxy host
 * @param sshPort        proxy port, 0 when unknown
 * @param publicAddress  address of the machine for direct connections
 * @param directPort     port there that leads to the container's port 22, 0 when none is open
 * @param pricePerHour   what it costs in dollars per hour, GPU and storage; 0 when unknown
 * @param storagePerHour what its storage costs per hour even when stopped; 0 when unknown
 * @param gpu            name and number of GPUs, for people
 * @param gpuUtilization per cent, -1 when unknown
 */
public record VastInstance(long id, String label, String actualStatus, String intendedStatus, String statusMessage, String runType,
                           String sshHost, int sshPort, String publicAddress, int directPort, double pricePerHour, double storagePerHour,
                           String gpu, double gpuUtilization) {
    /** Whether the container runs and is meant to. */
    public boolean isRunning() {
        return actualStatus.equals("running") && (intendedStatus.isEmpty() || intendedStatus.equals("running"));
    }

    /** Whether it is stopped: the GPU costs nothing any more, the storage still does. */
    public boolean isStopped() {
        return actualStatus.equals("stopped") || actualStatus.equals("exited");
    }

    /** One of the status texts, for a message. */
    public String status() {
        return actualStatus.isEmpty() ? "being provisioned" : actualStatus;
    }

    static VastInstance read(JsonNode node) {
        int count = node.path("num_gpus").asInt(1);
        String gpu = text(node, "gpu_name");
        return new VastInstance(node.path("id").asLong(), text(node, "label"), text(node, "actual_status"), text(node, "intended_status"),
                text(node, "status_msg"), text(node, "image_runtype"), text(node, "ssh_host"), port(node.path("ssh_port")),
                text(node, "public_ipaddr"), directPort(node.path("ports")), Math.max(0, node.path("dph_total").asDouble(0)),
                Math.max(0, node.path("storage_total_cost").asDouble(0)), gpu.isEmpty() || count == 1 ? gpu : count + "x " + gpu,
                node.path("gpu_util").isNumber() ? node.path("gpu_util").asDouble() : -1);
    }

    /** The ports member is a map from {@code "22/tcp"} to a list of bindings; one documented form is a bare array, which names no container port. */
    private static int directPort(JsonNode ports) {
        List<Integer> found = new ArrayList<>();
        for (JsonNode binding : ports.path("22/tcp")) {
            int port = port(binding.path("HostPort"));
            if (port > 0) {
                found.add(port);
            }
        }
        return found.isEmpty() ? 0 : found.getFirst();
    }

    private static int port(JsonNode node) {
        int port = node.isTextual() ? parse(node.asText().strip()) : node.asInt(0);
        return port > 0 && port < 65536 ? port : 0;
    }

    private static int parse(String digits) {
        return digits.matches("\\d{1,5}") ? Integer.parseInt(digits) : 0;
    }

    private static String text(JsonNode node, String name) {
        return node.path(name).isTextual() ? node.path(name).asText().replaceAll("\\p{Cntrl}", " ").strip() : "";
    }
}
