package dev.adapterferry.source.vast;

import dev.adapterferry.failure.FerryException;

/** A rented machine that does not run, or is no more: for somebody who only looks, nothing waits there. */
public class InstanceAway extends FerryException {
    private static final long serialVersionUID = 1L;

    InstanceAway(String sentence) {
        super(sentence);
    }
}
