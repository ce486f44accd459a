package dev.adapterferry.convert.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Compiles rules for single characters or short sequences into SentencePiece's form ({@code precompiled_charsmap}), which llama.cpp applies before it cuts a text.
 *
 * <p>Layout: the length of a trie (uint32, little endian), a double-array trie of the rules' left sides in UTF-8 whose values are places in what follows, and
 * the right sides, each closed by a zero byte.
 *
 * @see <a href="https://github.com/google/sentencepiece/blob/master/src/normalizer.cc">normalizer.cc</a>
 * @see <a href="https://github.com/s-yata/darts-clone">Darts-clone</a>
 */
public final class CharacterRules {
    private static final int BLOCK = 256;
    /** Offsets that fit into 21 bits are stored as they are. */
    private static final int SMALL_OFFSET = 1 << 21;
    private static final int LEAF = 1 << 31;
    private static final int HAS_LEAF = 1 << 8;
    /** What Unicode calls white space, and Hugging Face's library cuts at. */
    private static final String WHITE_SPACE = "\t\n\13\f\r\u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

    private CharacterRules() { }

    /** Rules that make blanks of any kind plain ones. */
    static byte[] blanks() {
        Map<String, String> rules = new LinkedHashMap<>();
        WHITE_SPACE.codePoints().forEach(c -> rules.put(Character.toString(c), " "));
        return compile(rules);
    }

    /**
     * Compiles rules.
     *
     * @param rules what becomes what
     * @return the bytes
     */
    public static byte[] compile(Map<String, String> rules) {
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
                        units = Arrays.copyOf(units, units.length + BLOCK * 16);
                    }
                    return base;
                }
            }
        }
    }
}
