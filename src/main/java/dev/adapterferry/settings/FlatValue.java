package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;

/**
 * One effective value as text.
 *
 * @param text   times as {@code 1h30m}, sizes in bytes, lists joined by commas, secrets in clear
 * @param secret whether the text must not be shown
 */
public record FlatValue(String text, boolean secret) {
    /** The text as it may be shown. */
    public String shown() {
        return secret ? Secret.MASK : text;
    }

    @Override
    public String toString() {
        return shown();
    }
}
