package dev.adapterferry.cli;

/** Entry point of the {@code ferry} command. */
public final class Ferry {
    private Ferry() { }

    /** Runs one command and exits with its code. */
    public static void main(String[] args) {
        System.exit(2);
    }
}
