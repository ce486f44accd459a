package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A request that is answered with an error, in the shape that OpenAI's clients read. */
final class ApiError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String type;
    private final String parameter;
    private final String code;

    private ApiError(int status, String type, String parameter, String code, String message) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.parameter = parameter;
        this.code = code;
    }

    static ApiError badRequest(String parameter, String message) {
        return new ApiError(400, "invalid_request_error", parameter, "invalid_value", message);
    }

    static ApiError badRequest(String parameter, String code, String message) {
        return new ApiError(400, "invalid_request_error", parameter, code, message);
    }

    static ApiError modelNotFound(String model) {
        return new ApiError(404, "invalid_request_error", "model", "model_not_found", "The model '" + model + "' is not served here; GET /v1/models lists those that are.");
    }

    static ApiError notFound(String method, String path) {
        return new ApiError(404, "invalid_request_error", null, "unknown_url", "Unknown request: " + method + " " + path + ".");
    }

    static ApiError unauthorized() {
        return new ApiError(401, "invalid_request_error", null, "invalid_api_key", "This server wants a bearer token: send the header Authorization: Bearer <token>.");
    }

    static ApiError of(int status, String code, String message) {
        return new ApiError(status, status >= 500 ? "server_error" : "invalid_request_error", null, code, message);
    }

    int status() {
        return status;
    }

    ObjectNode json() {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.putObject("error").put("message", getMessage()).put("type", type).put("param", parameter).put("code", code);
        return body;
    }
}
