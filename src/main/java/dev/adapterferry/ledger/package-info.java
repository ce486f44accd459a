/**
 * The memory of the ferry: runs, their stages, releases, events, dead letters, adapters already seen, and the locks by which
 * processes take turns. Plain JDBC over SQLite or PostgreSQL; several processes may use one ledger at once. Texts are redacted
 * before they are stored, and it decides nothing: when a run starts or ends is said by its callers.
 */
package dev.adapterferry.ledger;
