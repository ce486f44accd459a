package dev.adapterferry.source.vast;

/** What becomes of a rented instance once its adapter is home: {@code source.after-pull}. */
public enum AfterPull {
    /** Nothing; it goes on costing. */
    KEEP,
    /** The container stops: the GPU costs nothing any more, the storage still does. */
    STOP,
    /** The rental ends and the disk is deleted, for good. */
    DESTROY
}
