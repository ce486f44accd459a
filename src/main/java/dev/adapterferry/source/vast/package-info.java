/**
 * The vast.ai side of a rental: its HTTP API, the key, the addresses at which an instance may answer, and the guard that
 * stops or destroys an instance once everything on it has safely come home. Knows nothing of SSH beyond addresses; every
 * sentence it throws says what to do, and none of them ever holds the key.
 */
package dev.adapterferry.source.vast;
