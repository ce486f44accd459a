/**
 * How the bytes of a file come here whatever the wire: blocks that are checked as they land, a journal that outlives a
 * kill, several lanes at once, a bandwidth limit, and a SHA-256 that follows the growing file. SFTP, HTTP and S3 plug in
 * as {@link dev.adapterferry.transfer.Lane}s, places full of files as {@link dev.adapterferry.transfer.FileTree}s.
 * Nothing here knows what an adapter or a model is.
 */
package dev.adapterferry.transfer;
