/**
 * The one settings file: {@code ferry.yaml} becomes immutable records, with every key checked, every secret masked, and every
 * value traceable to the line, variable or option that gave it. {@link dev.adapterferry.settings.SettingsLoader} reads,
 * {@link dev.adapterferry.settings.Settings} is what it gives; the JSON schema and the reference table are made from the same
 * records. It touches no network and creates no file.
 */
package dev.adapterferry.settings;
