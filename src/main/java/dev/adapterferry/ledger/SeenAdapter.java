package dev.adapterferry.ledger;

import java.time.Instant;
import java.util.Optional;

/**
 * An adapter that was carried, known by its content.
 *
 * @param hash     identity: a hash over its files
 * @param model    model for which it was carried
 * @param instance where it came from: a vast.ai instance, a host, a repository
 * @param path     folder there
 * @param run      run that carried it
 * @param time     when it was first seen
 */
public record SeenAdapter(String hash, String model, Optional<String> instance, Optional<String> path, Optional<String> run, Instant time) { }
