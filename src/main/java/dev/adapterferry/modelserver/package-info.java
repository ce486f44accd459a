/**
 * Clients of servers that run models: the OpenAI-compatible API that all of them speak (listing, asking, streaming, with
 * times and token counts) and LM Studio's own. They believe bodies, never status codes, because LM Studio answers 200 to
 * every path. They use http and failure, and know nothing of health, scores or files.
 */
package dev.adapterferry.modelserver;
