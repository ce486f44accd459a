package dev.adapterferry.camel;

import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.camel.component.quartz.QuartzComponent;

/**
 * The component {@code quartz} with a scheduler for each generation of routes. Quartz keeps its schedulers in one table of the whole
 * process, by name, and Camel names them after the context, which all generations have in common: the old generation's end would
 * shut down the schedule of the new one.
 */
final class OwnSchedule extends QuartzComponent {
    private static final AtomicLong NUMBER = new AtomicLong();

    @Override
    protected String createInstanceName(Properties properties) {
        return super.createInstanceName(properties) + "-" + NUMBER.incrementAndGet();
    }
}
