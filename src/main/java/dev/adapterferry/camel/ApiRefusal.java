package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;

/** A request to the HTTP API that is answered with a status of its own. */
final class ApiRefusal extends FerryException {
    private static final long serialVersionUID = 1L;

    private final int status;

    /**
     * @param status   the HTTP status
     * @param sentence what is wrong with the request
     */
    ApiRefusal(int status, String sentence) {
        super(sentence);
        this.status = status;
    }

    int status() {
        return status;
    }
}
