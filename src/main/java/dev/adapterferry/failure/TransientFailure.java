package dev.adapterferry.failure;

/** A failure that may heal by itself (network, a busy service): the routes retry it with back-off. */
public class TransientFailure extends FerryException {
    private static final long serialVersionUID = 1L;

    /** @param sentence what was being done, to which thing, what was found */
    public TransientFailure(String sentence) {
        super(sentence);
    }

    /**
     * @param sentence what was being done, to which thing, what was found
     * @param cause    the technical reason
     */
    public TransientFailure(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
