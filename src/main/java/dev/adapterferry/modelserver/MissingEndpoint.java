package dev.adapterferry.modelserver;

import dev.adapterferry.failure.FerryException;

/** A server that has no such endpoint: asking again will not help, and says nothing about the model. */
public final class MissingEndpoint extends FerryException {
    private static final long serialVersionUID = 1L;

    MissingEndpoint(String sentence) {
        super(sentence);
    }
}
