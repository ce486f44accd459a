/**
 * The parts that {@code ferry demo} starts in its own process so that the passage can be seen on any machine: an SSH server
 * that plays the rented instance, an HTTP server that answers like vast.ai, and the trained base and adapter. They are real
 * servers on loopback, and the ferry meets them as it would meet the world; nothing outside the demo and its tests uses them.
 */
package dev.adapterferry.demo;
