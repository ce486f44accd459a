package dev.adapterferry.convert;

import java.util.regex.Pattern;

/**
 * A checkpoint tensor's name taken apart: its first component of digits is the layer, the second the expert.
 *
 * @param pattern the name with N for the layer and E for the expert
 * @param layer   0 for a tensor outside the layers
 * @param expert  -1 for a tensor that belongs to none
 */
record TensorAddress(String pattern, int layer, int expert) {
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,8}");

    static TensorAddress of(String name) {
        String[] parts = name.split("\\.");
        int[] numbers = {0, -1};
        int found = 0;
        for (int i = 0; i < parts.length && found < 2; i++) {
            if (NUMBER.matcher(parts[i]).matches()) {
                numbers[found] = Integer.parseInt(parts[i]);
                parts[i] = found++ == 0 ? "N" : "E";
            }
        }
        return new TensorAddress(String.join(".", parts), numbers[0], numbers[1]);
    }

    /** A pattern with a layer's number in it. */
    static String layered(String pattern, int layer) {
        return pattern.replaceAll("\\bN\\b", Integer.toString(layer));
    }
}
