package dev.adapterferry.ledger;

import java.time.Instant;
import java.util.Optional;

/**
 * Something that happened.
 *
 * @param id    counts up
 * @param run   the run concerned
 * @param model the model concerned
 * @param time  when
 * @param kind  one word
 * @param text  one sentence
 * @param data  JSON for machines
 */
public record Event(long id, Optional<String> run, Optional<String> model, Instant time, String kind, String text, Optional<String> data) { }
