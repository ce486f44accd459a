/**
 * How the ferry says that something went wrong: one sentence that names the act, the thing, what was expected, what was
 * found and what to do. The kinds differ only where a caller reacts differently (retry, exit code, offset in a file).
 * Every package may use these; they use none.
 */
package dev.adapterferry.failure;
