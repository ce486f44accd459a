/**
 * How long work tells that it goes on, and hears that it should stop. The terminal bar, the run's events and the
 * metrics are listeners; kernels and transfers only call these two small types, and whoever waits for an answer from outside
 * waits under {@link dev.adapterferry.progress.Cancellation#current}. Every package may use them.
 */
package dev.adapterferry.progress;
