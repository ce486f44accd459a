package dev.adapterferry.transfer;

import dev.adapterferry.failure.TransientFailure;

/** The far side's file is no longer the one that was listed: going on would mix two versions, listing again may heal it. */
public class FileChanged extends TransientFailure {
    private static final long serialVersionUID = 1L;

    /** @param sentence which file, what was expected, what was found */
    public FileChanged(String sentence) {
        super(sentence);
    }
}
