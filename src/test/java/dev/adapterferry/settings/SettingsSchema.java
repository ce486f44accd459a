package dev.adapterferry.settings;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;

/** Makes {@code ferry.schema.json} from the records, so that editors complete and check what the reader accepts. */
final class SettingsSchema {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String PLACEHOLDER = "\\$\\{[A-Za-z_][A-Za-z0-9_.]*(:[^{}]*)?\\}";

    private SettingsSchema() { }

    static String text() throws JsonProcessingException {
        ObjectNode root = JSON.objectNode();
        root.put("$schema", "https://json-schema.org/draft/2020-12/schema").put("title", "Adapter Ferry settings");
        root.setAll((ObjectNode) node(Shape.ROOT, null));
        return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(root) + "\n";
    }

    private static ObjectNode node(Shape shape, Setting setting) {
        return switch (shape) {
            case Shape.Section section -> {
                ObjectNode node = typed("object").put("additionalProperties", false);
                ObjectNode properties = node.putObject("properties");
                section.fields().values().forEach(field -> properties.set(field.key(), described(field)));
                yield node;
            }
            case Shape.Table table -> {
                ObjectNode node = typed("object");
                if (table.value() instanceof Shape.Section) {
                    node.putObject("propertyNames").put("pattern", "^" + Names.FOLDER.pattern() + "$");
                }
                node.set("additionalProperties", node(table.value(), setting));
                yield node;
            }
            case Shape.Items items -> {
                ObjectNode node = JSON.objectNode();
                ArrayNode any = node.putArray("anyOf");
                ObjectNode list = any.addObject().put("type", "array");
                list.set("items", alternatives(items.item(), setting, false));
                any.addObject().put("type", "string");
                any.addObject().put("type", "null");
                yield node;
            }
            case Shape.Single single -> alternatives(single, setting, true);
        };
    }

    private static ObjectNode described(Shape.Field field) {
        ObjectNode node = JSON.objectNode().put("description", field.setting().value()
                + (field.setting().def().isEmpty() ? "" : " Default: " + field.setting().def()));
        node.setAll(node(field.shape(), field.setting()));
        return node;
    }

    private static ObjectNode typed(String type) {
        ObjectNode node = JSON.objectNode();
        node.putArray("type").add(type).add("null");
        return node;
    }

    private static ObjectNode alternatives(Shape.Single single, Setting setting, boolean nothing) {
        ObjectNode node = JSON.objectNode();
        ArrayNode any = node.putArray("anyOf");
        Class<?> type = single.type();
        if (type.isEnum()) {
            ArrayNode texts = any.addObject().putArray("enum");
            Scalars.texts(type).forEach(texts::add);
        } else if (type == boolean.class) {
            any.addObject().put("type", "boolean");
        } else if (type == int.class || type == long.class || type == double.class) {
            ObjectNode number = any.addObject().put("type", type == double.class ? "number" : "integer");
            if (!Double.isInfinite(setting.min())) {
                number.put("minimum", setting.min());
            }
            if (!Double.isInfinite(setting.max())) {
                number.put("maximum", setting.max());
            }
        } else if (type == Duration.class) {
            any.addObject().put("type", "string").put("pattern", "^(\\d+(ms|s|m|h|d) ?)+$");
            any.addObject().put("const", 0);
        } else if (type == Size.class) {
            any.addObject().put("type", "string").put("pattern", "^\\d+(\\.\\d+)? ?[kKMGT]?i?B$");
            any.addObject().put("const", 0);
        } else if (type == URI.class) {
            any.addObject().put("type", "string").put("pattern", "^https?://.+");
        } else if (type == Path.class) {
            any.addObject().put("type", "string").put("minLength", 1);
        } else {
            any.addObject().putArray("type").add("string").add("number").add("boolean");
        }
        if (type != String.class && type != Path.class) {
            any.addObject().put("type", "string").put("pattern", PLACEHOLDER);
        }
        if (nothing) {
            any.addObject().put("type", "null");
        }
        return node;
    }
}
