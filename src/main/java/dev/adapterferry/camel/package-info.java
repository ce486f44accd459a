/**
 * Everything that knows Camel: starting and replacing a generation of routes, the beans that routes name, thin processors
 * that unpack an exchange and call a plain class, and the seams through which plain classes send HTTP calls and remote
 * commands over routes. Nothing here decides or computes.
 */
package dev.adapterferry.camel;
