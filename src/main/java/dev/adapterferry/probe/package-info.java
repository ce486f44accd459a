/**
 * Health checks of a deployed model: its file, the server that should list it, the answers it gives, the machine under
 * it. A check reports what it saw and how bad that is; it changes nothing. Status codes are never believed alone,
 * because LM Studio answers 200 to every path.
 */
package dev.adapterferry.probe;
