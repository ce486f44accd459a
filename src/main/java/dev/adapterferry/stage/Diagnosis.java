package dev.adapterferry.stage;

/**
 * What the doctor has to say of one thing.
 *
 * @param check  what was looked at: {@code adapter}, {@code base}, {@code architecture}, ...
 * @param state  how it is
 * @param text   what was found
 * @param remedy what to do; empty when nothing is to be done
 */
public record Diagnosis(String check, State state, String text, String remedy) {
    /** How something is. */
    public enum State {
        /** As it should be. */
        OK,
        /** The passage will go through, but the user should know. */
        NOTE,
        /** It cannot be told from here. */
        UNKNOWN,
        /** The passage will fail. */
        FAILED
    }

    static Diagnosis ok(String check, String text) {
        return new Diagnosis(check, State.OK, text, "");
    }

    static Diagnosis note(String check, String text, String remedy) {
        return new Diagnosis(check, State.NOTE, text, remedy);
    }

    static Diagnosis unknown(String check, String text) {
        return new Diagnosis(check, State.UNKNOWN, text, "");
    }

    /** A failure whose sentence says what was found and what to do. */
    static Diagnosis failed(String check, RuntimeException reason) {
        return new Diagnosis(check, State.FAILED, RunDesk.sentence(reason), "");
    }

    static Diagnosis failed(String check, String text, String remedy) {
        return new Diagnosis(check, State.FAILED, text, remedy);
    }
}
