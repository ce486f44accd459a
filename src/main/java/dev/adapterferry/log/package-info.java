/**
 * Where log lines go: warnings to the terminal, everything to one structured file per day, and what belongs to a run to that run's
 * folder as plain text. Every line is redacted on its way out. Rooms only use slf4j; who starts a command or a stage uses
 * {@link dev.adapterferry.log.Logs} and {@link dev.adapterferry.log.LogContext}.
 */
package dev.adapterferry.log;
