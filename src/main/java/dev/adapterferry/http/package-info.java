/**
 * Small HTTP exchanges (a JSON question, a JSON answer) behind one seam, so that the routes can send them through
 * Camel's HTTP component while plain classes below stay free of it. Streams and downloads do not belong here.
 */
package dev.adapterferry.http;
