/**
 * What people are told, in words: an {@link dev.adapterferry.alert.Alert} becomes one sentence, and that sentence a message in the
 * form that Slack, Discord, a mailbox or any other receiver takes. A throttle keeps one fault from filling a channel. Nothing here
 * sends: the routes do.
 */
package dev.adapterferry.alert;
