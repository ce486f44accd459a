package dev.adapterferry.failure;

/** The user or a shutdown asked the work to stop. Not an error: what was done so far is kept for resuming. */
public class Cancelled extends FerryException {
    private static final long serialVersionUID = 1L;

    /** @param what the work that stopped, for example "quantize majora" */
    public Cancelled(String what) {
        this(what, "What is done is kept; run the same command to go on.");
    }

    /**
     * The same for work that has more to say.
     *
     * @param rest what is kept, where, and how to go on or to give it up: whole sentences
     */
    public Cancelled(String what, String rest) {
        super("Cancelled: " + what + ". " + rest);
    }
}
