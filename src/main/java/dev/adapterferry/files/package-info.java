/**
 * Files that are either absent or complete: hashing with progress, and writing beside, forcing to disk, renaming; journals of work that a kill may
 * end, and locks between processes; and which version the program's own jar is.
 * Every package may use it; it uses only failure and progress.
 */
package dev.adapterferry.files;
