/**
 * Chat templates: renders the Jinja text that a checkpoint or a GGUF file carries, as Hugging Face's libraries render it,
 * so that a served model sees exactly the markers it was trained with. Nothing here knows models, files or HTTP; a
 * template can read only what it is given and can neither open files nor run code.
 */
package dev.adapterferry.chat;
