package dev.adapterferry.failure;

/**
 * A failure that repeating the same act will not heal: bad input, bad settings, a refused login.
 *
 * <p>The message is the sentence that the user reads on the terminal and in the alert; it never holds a secret.
 */
public class FerryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param sentence what was being done, to which thing, what was expected, what was found, what to do */
    public FerryException(String sentence) {
        super(sentence);
    }

    /**
     * @param sentence what was being done, to which thing, what was expected, what was found, what to do
     * @param cause    the technical reason, shown with {@code --verbose}
     */
    public FerryException(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
