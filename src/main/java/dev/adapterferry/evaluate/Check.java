package dev.adapterferry.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One condition on an answer, scored from 0 (missed) to 1 (met). */
public sealed interface Check {
    /** Score of an answer's visible text, 0 to 1. */
    double score(String answer);

    /** Share of the texts that occur in the answer. */
    record Contains(List<String> texts, boolean caseSensitive) implements Check {
        @Override
        public double score(String answer) {
            return texts.stream().filter(text -> holds(answer, text, caseSensitive)).count() / (double) texts.size();
        }
    }

    /** One of the texts occurs. */
    record AnyOf(List<String> texts, boolean caseSensitive) implements Check {
        @Override
        public double score(String answer) {
            return texts.stream().anyMatch(text -> holds(answer, text, caseSensitive)) ? 1 : 0;
        }
    }

    /** The expression matches somewhere; flags go into it: {@code (?i)}. */
    record Regex(Pattern pattern) implements Check {
        @Override
        public double score(String answer) {
            return pattern.matcher(answer).find() ? 1 : 0;
        }
    }

    /** The whole answer is the text, white space at both ends aside. */
    record Exact(String text, boolean caseSensitive) implements Check {
        @Override
        public double score(String answer) {
            String found = answer.strip();
            return (caseSensitive ? found.equals(text.strip()) : found.equalsIgnoreCase(text.strip())) ? 1 : 0;
        }
    }

    /** The last number of the answer lies within the tolerance of the value. */
    record Numeric(double value, double tolerance) implements Check {
        private static final Pattern NUMBER = Pattern.compile("[-+\u2212]?(?:\\d{1,3}(?:,\\d{3})+|\\d+)(?:\\.\\d+)?(?:[eE][-+]?\\d+)?");

        @Override
        public double score(String answer) {
            Matcher matcher = NUMBER.matcher(answer);
            String last = null;
            while (matcher.find()) {
                last = matcher.group();
            }
            return last != null && Math.abs(new BigDecimal(last.replace(",", "").replace('\u2212', '-')).doubleValue() - value) <= tolerance ? 1 : 0;
        }
    }

    /** The answer, a code fence around it aside, is JSON that satisfies the schema. */
    record Schema(JsonSchema schema) implements Check {
        private static final ObjectMapper JSON = new ObjectMapper().enable(com.fasterxml.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        private static final Pattern FENCE = Pattern.compile("```(?:json)?\\s*(.*?)```", Pattern.DOTALL);

        @Override
        public double score(String answer) {
            Matcher fence = FENCE.matcher(answer);
            try {
                JsonNode node = JSON.readTree(fence.find() ? fence.group(1) : answer);
                return !node.isMissingNode() && schema.validate(node).isEmpty() ? 1 : 0;
            } catch (JsonProcessingException e) {
                return 0;
            }
        }
    }

    /**
     * The expected answer of the older format: as a whole, or half a point when only one of its "/"-separated
     * alternatives occurs.
     */
    record Expected(String answer) implements Check {
        @Override
        public double score(String found) {
            if (holds(found, answer, false)) {
                return 1;
            }
            boolean part = answer.contains("/") && List.of(answer.split("/")).stream().map(String::strip).filter(text -> !text.isEmpty()).anyMatch(text -> holds(found, text, false));
            return part ? 0.5 : 0;
        }
    }

    private static boolean holds(String answer, String text, boolean caseSensitive) {
        return caseSensitive ? answer.contains(text) : answer.toLowerCase(Locale.ROOT).contains(text.toLowerCase(Locale.ROOT));
    }
}
