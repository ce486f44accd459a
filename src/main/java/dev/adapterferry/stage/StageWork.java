package dev.adapterferry.stage;

import dev.adapterferry.settings.Stage;
import java.util.Optional;

/** What one stage does. Safe to run twice, and after a kill: it resumes or finds its work done. */
public interface StageWork {
    /** Which stage this is. */
    Stage stage();

    /** The record's type. */
    Class<?> facts();

    /**
     * Hash of everything that the result depends on. Two runs of equal keys have equal results.
     *
     * @return the key, or empty when the stage has to look outside each time (a source, a server's health)
     */
    Optional<String> key(RunContext run);

    /**
     * Does the work.
     *
     * @return the facts to record
     */
    Object carry(RunContext run);

    /** One line for tables and alerts: what came of it. */
    String summary(Object facts);
}
