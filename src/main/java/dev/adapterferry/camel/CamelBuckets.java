package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.source.ObjectStore;
import dev.adapterferry.transfer.Checksum;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsRequest;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/** One bucket, asked over the route {@code bucket-calls}, that is through Camel's S3 component. */
final class CamelBuckets implements ObjectStore {
    private static final String ROUTE = "direct:call-bucket";
    private static final int PAGE = 1000;

    private final Templates templates;
    private final String bucket;

    CamelBuckets(Templates templates, String bucket) {
        this.templates = templates;
        this.bucket = bucket;
    }

    @Override
    public List<Item> list(String prefix) {
        List<Item> items = new ArrayList<>();
        String last = null;
        while (items.size() <= MAX_KEYS) {
            ListObjectsRequest request = ListObjectsRequest.builder().bucket(bucket).prefix(prefix).marker(last).maxKeys(PAGE).build();
            List<?> page = call("listObjects", null, request, List.class);
            // The component hides whether there is more; a store may give short pages, so only an empty one is the end.
            if (page.isEmpty()) {
                return items;
            }
            for (Object each : page) {
                S3Object object = (S3Object) each;
                items.add(new Item(object.key(), object.size(), object.lastModified(), bare(object.eTag())));
            }
            String next = items.getLast().key();
            if (next.equals(last)) {
                throw new FerryException("Cannot list s3://" + bucket + "/" + prefix + ": the store gives the same page again and again.");
            }
            last = next;
        }
        return items;
    }

    @Override
    public Optional<Checksum> checksum(String key) {
        HeadObjectResponse head = call("headObject", key, null, HeadObjectResponse.class);
        boolean plain = head.sseCustomerAlgorithm() == null && (head.serverSideEncryption() == null || head.serverSideEncryption() == ServerSideEncryption.AES256);
        return ObjectStore.md5(bare(head.eTag()), plain);
    }

    @Override
    public InputStream open(String key, long offset, long length) throws IOException {
        software.amazon.awssdk.services.s3.model.GetObjectRequest request = software.amazon.awssdk.services.s3.model.GetObjectRequest.builder()
                .bucket(bucket).key(key).range("bytes=" + offset + "-" + (offset + length - 1)).build();
        try {
            return new AbortableBody(call("getObjectRange", key, request, InputStream.class));
        } catch (TransientFailure e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private <T> T call(String operation, String key, Object body, Class<T> type) {
        String what = operation + " of s3://" + bucket;
        // Apart: the component's client reads from plain sockets.
        Exchange answer = Cancellation.current().apart(what, () -> templates.get().request(ROUTE, exchange -> {
            Message in = exchange.getMessage();
            in.setBody(body);
            in.setHeader("FerryBucket", bucket);
            in.setHeader("CamelAwsS3Operation", operation);
            in.setHeader("CamelAwsS3Key", key);
        }));
        if (answer.getException() != null) {
            Cancellation.current().check(what);
            throw sentence(answer.getException(), key == null ? "s3://" + bucket : "s3://" + bucket + "/" + key);
        }
        return answer.getMessage().getBody(type);
    }

    private FerryException sentence(Exception failure, String what) {
        String cannot = "Cannot read " + what + ": ";
        for (Throwable cause = failure; cause != null; cause = cause.getCause() == cause ? null : cause.getCause()) {
            if (cause instanceof AwsServiceException refusal) {
                return refused(refusal, cannot);
            }
            if (cause instanceof SdkClientException && String.valueOf(cause.getMessage()).contains("credentials")) {
                return new FerryException(cannot + "no credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or source.s3.access-key and source.s3.secret-key.", failure);
            }
        }
        return new TransientFailure(cannot + "the store does not answer (" + RouteGeneration.innermost(failure) + "). Check source.s3.endpoint and the network.", failure);
    }

    private FerryException refused(AwsServiceException refusal, String cannot) {
        String code = refusal.awsErrorDetails() == null || refusal.awsErrorDetails().errorCode() == null ? "HTTP " + refusal.statusCode() : refusal.awsErrorDetails().errorCode();
        return switch (refusal.statusCode()) {
            case 301, 307, 400 -> new FerryException(cannot + "the store refuses the request (" + code + "). Check source.s3.region, and source.s3.path-style for stores other than Amazon's.", refusal);
            case 401, 403 -> new FerryException(cannot + "access is refused (" + code + "). Check the access key, and that it may list and read this bucket.", refusal);
            case 404 -> new FerryException(cannot + "there is no such bucket or object (" + code + "). Check the address.", refusal);
            default -> refusal.statusCode() >= 500 || refusal.statusCode() == 429
                    ? new TransientFailure(cannot + "the store has trouble of its own (" + code + "). Try again later.", refusal)
                    : new FerryException(cannot + "the store refuses it (" + code + ").", refusal);
        };
    }

    private static String bare(String etag) {
        return etag == null ? "" : etag.replace("\"", "");
    }

    @Override
    public void close() {
        // the component keeps the client, and its connections, for the next call
    }
}
