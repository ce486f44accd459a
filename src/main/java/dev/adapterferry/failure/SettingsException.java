package dev.adapterferry.failure;

/** A wrong or missing setting; the message carries the key. The command line exits with 3. */
public class SettingsException extends FerryException {
    private static final long serialVersionUID = 1L;

    /** @param sentence names the key, the value found and the values allowed */
    public SettingsException(String sentence) {
        super(sentence);
    }

    /**
     * @param sentence names the key, the value found and the values allowed
     * @param cause    the technical reason
     */
    public SettingsException(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
