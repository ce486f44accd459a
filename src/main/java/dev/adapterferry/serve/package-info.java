/**
 * An OpenAI-compatible server over embedded llama.cpp: the default where no LM Studio runs. It loads models when they are
 * asked for, keeps as many as it may, and writes each file's own chat template; clients meet it over HTTP only. It knows
 * nothing of runs, releases and settings.
 */
package dev.adapterferry.serve;
