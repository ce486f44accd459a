package dev.adapterferry.convert;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * SentencePiece's compiled normalization ({@code precompiled_charsmap}) with rules like those of {@code nmt_nfkc}, which T5 and XLM-RoBERTa bring: compatible forms
 * become the usual ones, marks are put together with their letters, blanks of all kinds become one kind, and control characters nothing.
 *
 * <p>Layout: the length of a trie (uint32, little endian), a double-array trie of the rules' left sides in UTF-8 whose values are places in what follows, and
 * the right sides, each closed by a zero byte.
 *
 * @see <a href="https://github.com/google/sentencepiece/blob/master/src/normalizer.cc">normalizer.cc</a>
 * @see <a href="https://github.com/s-yata/darts-clone">Darts-clone</a>
 */
final class CompiledCharacters {
    private static final int BLOCK = 256;
    /** Offsets that fit into 21 bits are stored as they are. */
    private static final int SMALL_OFFSET = 1 << 21;
    private static final int LEAF = 1 << 31;
    private static final int HAS_LEAF = 1 << 8;

    private final Map<String, String> rules = new LinkedHashMap<>();

    private CompiledCharacters() { }

    /** Rules over the plane of living languages and that of emoji. */
    static CompiledCharacters nmtNfkc() {
        CompiledCharacters made = new CompiledCharacters();
        for (int c = 0x80; c < 0x20000; c++) {
            if (Character.isDefined(c) && !Character.isSurrogate((char) c) && c != 0xFF5E) {
                made.rule(Character.toString(c), Normalizer.normalize(Character.toString(c), Normalizer.Form.NFKC));
                made.rule(Normalizer.normalize(Character.toString(c), Normalizer.Form.NFD), Normalizer.normalize(Character.toString(c), Normalizer.Form.NFKC));
            }
        }
        for (int[] range : new int[][] {{1, 8}, {0xB, 0xB}, {0xE, 0x1F}, {0x7F, 0x7F}, {0x8F, 0x8F}, {0x9F, 0x9F}}) {
            made.all(range, "");
        }
        for (int[] range : new int[][] {{9, 0xA}, {0xC, 0xD}, {0x1680, 0x1680}, {0x200B, 0x200F}, {0x2028, 0x2029}, {0x2581, 0x2581}, {0xFEFF, 0xFEFF}, {0xFFFD, 0xFFFD}}) {
            made.all(range, " ");
        }
        return made;
    }

    private void all(int[] range, String to) {
        for (int c = range[0]; c <= range[1]; c++) {
            rules.put(Character.toString(c), to);
        }
    }

    private void rule(String from, String to) {
        if (!from.equals(to)) {
            rules.put(from, to);
        }
    }

    /** A text after the rules, the longest left side first each time. */
    String apply(String text) {
        StringBuilder out = new StringBuilder();
        for (int at = 0; at < text.length();) {
            int end = Math.min(text.length(), at + 8);
            while (end > at && !rules.containsKey(text.substring(at, end))) {
                end--;
            }
            int next = end > at ? end : at + Character.charCount(text.codePointAt(at));
            out.append(end > at ? rules.get(text.substring(at, end)) : text.substring(at, next));
            at = next;
        }
        return out.toString();
    }

    /** The bytes. */
    byte[] bytes() {
        ByteArrayOutputStream right = new ByteArrayOutputStream();
        Map<String, Integer> places = new LinkedHashMap<>();
        Node root = new Node();
        rules.forEach((from, to) -> {
            int place = places.computeIfAbsent(to, text -> {
                int at = right.size();
                right.writeBytes(text.getBytes(StandardCharsets.UTF_8));
                right.write(0);
                return at;
            });
            root.add(from.getBytes(StandardCharsets.UTF_8), 0, place);
        });
        int[] units = new DoubleArray().build(root);
        ByteBuffer all = ByteBuffer.allocate(Integer.BYTES * (1 + units.length) + right.size()).order(ByteOrder.LITTLE_ENDIAN).putInt(Integer.BYTES * units.length);
        for (int unit : units) {
            all.putInt(unit);
        }
        return all.put(right.toByteArray()).array();
    }

    /** A plain trie; label 0 closes a key and holds its value. */
    private static final class Node {
        private final Map<Integer, Node> children = new TreeMap<>();
        private int value = -1;

        void add(byte[] key, int at, int place) {
            Node next = children.computeIfAbsent(at == key.length ? 0 : key[at] & 0xFF, label -> new Node());
            if (at == key.length) {
                next.value = place;
            } else {
                next.add(key, at + 1, place);
            }
        }
    }

    /** Lays a trie into one array: a child stands where its parent's offset and its label lead by exclusive or, so that a step is one look. */
    private static final class DoubleArray {
        private int[] units = new int[BLOCK];
        private final BitSet taken = new BitSet();
        private final BitSet bases = new BitSet();
        private int first = 1;

        int[] build(Node root) {
            taken.set(0);
            place(root, 0);
            return units;
        }

        private void place(Node node, int position) {
            List<Integer> labels = new ArrayList<>(node.children.keySet());
            int base = base(labels, position);
            bases.set(base);
            labels.forEach(label -> taken.set(base ^ label));
            first = taken.nextClearBit(first);
            int offset = position ^ base;
            units[position] |= offset < SMALL_OFFSET ? offset << 10 : offset << 2 | 1 << 9;
            node.children.forEach((label, child) -> {
                if (label == 0) {
                    units[position] |= HAS_LEAF;
                    units[base] = child.value | LEAF;
                } else {
                    units[base ^ label] = label;
                }
            });
            node.children.forEach((label, child) -> {
                if (label != 0) {
                    place(child, base ^ label);
                }
            });
        }

        /** Where no child meets another node's, and no other node leads. */
        private int base(List<Integer> labels, int position) {
            for (int at = first;; at = taken.nextClearBit(at + 1)) {
                int base = at ^ labels.getFirst();
                int offset = position ^ base;
                boolean fits = !bases.get(base) && (offset < SMALL_OFFSET || (offset & 0xFF) == 0) && labels.stream().noneMatch(label -> taken.get(base ^ label));
                if (fits) {
                    while (units.length <= (base | 0xFF)) {
                        units = java.util.Arrays.copyOf(units, units.length + BLOCK * 16);
                    }
                    return base;
                }
            }
        }
    }
}
