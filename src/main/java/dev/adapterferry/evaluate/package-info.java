/**
 * Scores models with prompt sets: how right, how fast, and whether a difference between two releases is more than
 * chance. Answers that did not come are errors and never enter a mean. It asks any OpenAI-compatible server and knows
 * nothing of files or deployments.
 */
package dev.adapterferry.evaluate;
