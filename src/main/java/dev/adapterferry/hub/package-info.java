/**
 * The Hugging Face Hub: which commit and which files, the cache folder shared with the Python tools, resumable downloads
 * checked against the hub's own digests, and a base checkpoint found in the nearest of these places. The token goes to the
 * hub alone, never along a redirect; nothing here knows what is done with a base.
 */
package dev.adapterferry.hub;
