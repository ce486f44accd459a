/**
 * Values that must never be read by a human or a log: a type that masks itself, and the redaction that every text passes
 * before it leaves the process (log lines, stored JSON, alerts). Every package may use these; they use none.
 */
package dev.adapterferry.secret;
