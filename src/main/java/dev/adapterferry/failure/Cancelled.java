package dev.adapterferry.failure;

/** The user or a shutdown asked the work to stop. Not an error: what was done so far is kept for resuming. */
public class Cancelled extends FerryException {
    private static final long serialVersionUID = 1L;

    /** @param what the work that stopped, for example "quantize majora" */
    public Cancelled(String what) {
        super("Cancelled: " + what + ". What is done is kept; run the same command to go on.");
    }
}
