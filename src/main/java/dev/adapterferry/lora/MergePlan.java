package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/**
 * What one adapter does to a base.
 *
 * @param tensors  the tensors that change or are new, by name
 * @param config   the configuration of the merged model
 * @param warnings what the user should know
 */
record MergePlan(Map<String, MergedTensor> tensors, ObjectNode config, List<String> warnings) { }
