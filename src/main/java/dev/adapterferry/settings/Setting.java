package dev.adapterferry.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What one key of the settings file means. The key's name is the record component's, in kebab-case; the reader, the JSON
 * schema and the reference table all follow this annotation, so that they cannot disagree.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Setting {
    /** The meaning, as the reference table prints it. */
    String value();

    /**
     * The default in the notation of the file; empty for none. {@code ${NAME:}} takes an environment variable,
     * {@code {{other.key}}} the effective value of another setting.
     */
    String def() default "";

    /** Smallest allowed number. */
    double min() default Double.NEGATIVE_INFINITY;

    /** Largest allowed number. */
    double max() default Double.POSITIVE_INFINITY;

    /** A list of sentences rather than of names: a single text is one item, however many commas it has. */
    boolean prose() default false;

    /** Whether a running daemon takes a change only when it is started again. */
    boolean restart() default false;

    /** What a relative path starts from. */
    Root root() default Root.INSTALLATION;

    /** What a relative path starts from. */
    enum Root {
        /** The folder that holds {@code config/} and {@code routes/}. */
        INSTALLATION,
        /** The working directory, setting {@code home}. */
        HOME
    }
}
