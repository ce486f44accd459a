package dev.adapterferry.chat;

/** A compiled piece of a template that writes text. */
@FunctionalInterface
interface Statement {
    void run(Scope scope, StringBuilder out);

    /** Leaves a loop, or its round. */
    final class LoopControl extends RuntimeException {
        private static final long serialVersionUID = 1L;
        static final LoopControl BREAK = new LoopControl();
        static final LoopControl CONTINUE = new LoopControl();

        private LoopControl() {
            super(null, null, false, false);
        }
    }
}
