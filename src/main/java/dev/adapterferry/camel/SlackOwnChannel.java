package dev.adapterferry.camel;

import java.util.Map;
import org.apache.camel.Endpoint;
import org.apache.camel.component.slack.SlackComponent;
import org.apache.camel.component.slack.SlackEndpoint;

/**
 * Slack as Camel has it, but a webhook may keep the channel that it was made for: {@code slack:webhook} sends no channel along. Camel
 * itself always names one, which today's incoming webhooks ignore at best and older ones follow to where nobody wanted it.
 */
final class SlackOwnChannel extends SlackComponent {
    /** In the place of a channel's name. */
    static final String WEBHOOK = "webhook";

    @Override
    protected Endpoint createEndpoint(String uri, String channel, Map<String, Object> parameters) throws Exception {
        if (!channel.equals(WEBHOOK)) {
            return super.createEndpoint(uri, channel, parameters);
        }
        SlackEndpoint endpoint = new SlackEndpoint(uri, null, this);
        endpoint.setWebhookUrl(getWebhookUrl());
        setProperties(endpoint, parameters);
        return endpoint;
    }
}
