package dev.adapterferry.lora;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Does the tokenizer that the adapter brings fit the embedding? Tokens added for the training need rows; when the resized embedding
 * was not saved with the adapter, the merged model would read beyond its table.
 */
final class TokenizerFit {
    private TokenizerFit() { }

    /** Refuses a tokenizer with ids that have no row. */
    static void require(AdapterFolder adapter, Drafts drafts) {
        Optional<Path> tokenizer = adapter.file("tokenizer.json");
        Optional<TensorInfo> embedding = drafts.names().inputEmbedding();
        if (tokenizer.isEmpty() || embedding.isEmpty()) {
            return;
        }
        TensorDraft draft = drafts.all().get(embedding.get().name());
        long rows = (draft == null ? embedding.get() : draft.info()).shape().getFirst();
        long largest;
        try (JsonParser json = new JsonFactory().createParser(tokenizer.get().toFile())) {
            largest = largestId(json);
        } catch (IOException e) {
            throw drafts.refusal("its tokenizer.json cannot be read: " + e.getMessage() + ". Pull the adapter again");
        }
        if (largest >= rows) {
            throw drafts.refusal("its tokenizer has a token " + largest + ", but the embedding has " + rows + " rows. The vocabulary was resized for the training and the"
                    + " resized embedding was not saved: save the adapter again with save_embedding_layers=True");
        }
    }

    /** Such files have tens of megabytes, so they are read as a stream, and what does not matter is skipped. */
    private static long largestId(JsonParser json) throws IOException {
        long largest = -1;
        if (json.nextToken() != JsonToken.START_OBJECT) {
            return largest;
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String field = json.currentName();
            JsonToken value = json.nextToken();
            if (field.equals("added_tokens") && value == JsonToken.START_ARRAY) {
                largest = Math.max(largest, largestAdded(json));
            } else if (field.equals("model") && value == JsonToken.START_OBJECT) {
                largest = Math.max(largest, largestOfModel(json));
            } else {
                json.skipChildren();
            }
        }
        return largest;
    }

    private static long largestAdded(JsonParser json) throws IOException {
        long largest = -1;
        while (json.nextToken() == JsonToken.START_OBJECT) {
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                boolean id = json.currentName().equals("id");
                if (json.nextToken() == JsonToken.VALUE_NUMBER_INT && id) {
                    largest = Math.max(largest, json.getLongValue());
                }
                json.skipChildren();
            }
        }
        return largest;
    }

    /** The vocabulary is a map from token to id, or (unigram) a list of pieces and scores. */
    private static long largestOfModel(JsonParser json) throws IOException {
        long largest = -1;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            boolean vocabulary = json.currentName().equals("vocab");
            JsonToken value = json.nextToken();
            if (vocabulary && value == JsonToken.START_OBJECT) {
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    largest = json.nextToken() == JsonToken.VALUE_NUMBER_INT ? Math.max(largest, json.getLongValue()) : largest;
                    json.skipChildren();
                }
            } else if (vocabulary && value == JsonToken.START_ARRAY) {
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    largest++;
                    json.skipChildren();
                }
            } else {
                json.skipChildren();
            }
        }
        return largest;
    }
}
