/**
 * The command line: one command per class that parses, calls, prints and returns an exit code. Nothing here computes;
 * the work lies in the packages below and in the routes.
 */
package dev.adapterferry.cli;
