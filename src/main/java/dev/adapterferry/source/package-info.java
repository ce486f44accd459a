/**
 * Where adapters come from: which folder and which files make up an adapter, whether its training has finished, and the
 * pull that brings it home verified or not at all. Rented machines, SSH hosts, local folders, repositories and buckets look
 * alike here, as {@link dev.adapterferry.transfer.FileTree}s. Merging and everything after it is not this package's concern.
 */
package dev.adapterferry.source;
