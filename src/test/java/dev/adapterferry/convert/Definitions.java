package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/** What {@code pre_tokenizer} says in the files of known models, written down here apart from the table under test. */
public final class Definitions {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String A = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String TWO_CASES = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+SUFFIX|"
            + "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*SUFFIX|DIGITS| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String CJK = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";
    private static final String ALPHABETS = "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C"
            + "\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15"
            + "\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC"
            + "\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B"
            + "\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A"
            + "\uD801\uDC00-\uD801\uDC4F\uD801\uDCB0-\uD801\uDCD3\uD801\uDCD8-\uD801\uDCFB\uD803\uDC80-\uD803\uDCB2\uD803\uDCC0-\uD803\uDCF2\uD806\uDCA0-\uD806\uDCDF\uD83A\uDD00-\uD83A\uDD43]+";

    /** The alternatives in the Python code of Kimi K2 and Moonlight. */
    static final List<String> KIMI = List.of("[\\p{Han}]+",
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            "\\p{N}{1,3}", " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*", "\\s*[\\r\\n]+", "\\s+(?!\\S)", "\\s+");

    private static final Map<String, List<String>> SPLITS = Map.ofEntries(
            Map.entry("llama-bpe", List.of(A)),
            Map.entry("smaug-bpe", List.of(A)),
            Map.entry("qwen2", List.of(A.replace("\\p{N}{1,3}", "\\p{N}"))),
            Map.entry("gpt-4o", List.of(TWO_CASES.replace("SUFFIX", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?").replace("DIGITS", "\\p{N}{1,3}"))),
            Map.entry("tekken", List.of(TWO_CASES.replace("SUFFIX", "").replace("DIGITS", "\\p{N}"))),
            Map.entry("deepseek-llm", List.of("[\r\n]", ALPHABETS, "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+", "\\s+$", CJK)),
            Map.entry("deepseek-coder", List.of("[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CJK)),
            Map.entry("deepseek-v3", List.of("\\p{N}{1,3}", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+", "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
                    + " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")),
            Map.entry("bloom", List.of(" ?[^(\\s|[.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C])]+")),
            Map.entry("kimi-k2", List.of(String.join("|", KIMI))),
            Map.entry("qwen35", List.of(A.replace("?\\p{L}+", "?[\\p{L}\\p{M}]+").replace("[^\\s\\p{L}\\p{N}]", "[^\\s\\p{L}\\p{M}\\p{N}]").replace("{1,3}", ""))),
            Map.entry("seed-coder", List.of("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")),
            Map.entry("bailingmoe", List.of("'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+")),
            Map.entry("minicpm5", List.of("\\p{N}{1,3}", A.replace("{1,3}", "+"))),
            Map.entry("exaone-moe", List.of("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+")),
            Map.entry("tiny_aya", List.of("\\d{1,3}(?=(?:\\d{3})*\\b)", TWO_CASES.replace("SUFFIX", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?").replace("DIGITS", "\\p{N}{1,3}"))),
            Map.entry("jais-2", List.of(A.replace("|\\s+(?!\\S)|\\s+", "|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"))),
            Map.entry("chameleon", List.of("<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\t\n]|    |  )")),
            Map.entry("superbpe", List.of("\\p{N}+", "(?=(\\d{3})+(?!\\d))")),
            Map.entry("youtu", List.of("[\uAC00-\uD7A3\u3131-\u318E]+|[\uFF01\u2026\u201C\u201D\u2018\u2019\u2014\uFF1A\uFF1B\uFF0C\u3001-\u303F\uFE30-\uFE4F]+|[\u3105-\u312F]+|[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+", TWO_CASES.replace("SUFFIX", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?").replace("DIGITS", "\\p{N}"))),
            Map.entry("laguna", List.of("[^\\n]+|[\\n]+", A.replace("{1,3}", ""))),
            Map.entry("ufakzeka", List.of(A.replace("{1,3}", "").replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)|", ""))));

    private Definitions() { }

    /** The regular expressions of the Split steps, in order; empty where there are none. */
    static List<String> splits(String pre) {
        return SPLITS.getOrDefault(pre, List.of());
    }

    /** JSON of {@code pre_tokenizer}. */
    public static String of(String pre) {
        ObjectNode root = JSON.createObjectNode().put("type", "Sequence");
        ArrayNode steps = root.putArray("pretokenizers");
        switch (pre) {
            case "gpt-2" -> {
                return bytes(JSON.createObjectNode(), true).toString();
            }
            case "smollm" -> {
                steps.addObject().put("type", "Digits").put("individual_digits", true);
                bytes(steps.addObject(), true);
            }
            case "falcon" -> {
                steps.addObject().put("type", "Punctuation").put("behavior", "Contiguous");
                bytes(steps.addObject(), true);
                steps.addObject().put("type", "Digits").put("individual_digits", false);
                split(steps.addObject(), "[0-9][0-9][0-9]", false);
            }
            case "chameleon" -> {
                splits(pre).forEach(regex -> split(steps.addObject(), regex, false));
                steps.addObject().put("type", "Digits").put("individual_digits", true);
                steps.addObject().put("type", "Punctuation").put("behavior", "Isolated");
                bytes(steps.addObject(), true);
            }
            default -> {
                splits(pre).forEach(regex -> split(steps.addObject(), regex, pre.equals("gpt-4o")));
                if (pre.equals("deepseek-llm") || pre.equals("deepseek-coder")) {
                    steps.addObject().put("type", "Digits").put("individual_digits", true);
                }
                bytes(steps.addObject(), false);
            }
        }
        return root.toString();
    }

    private static void split(ObjectNode step, String regex, boolean removed) {
        step.put("type", "Split").putObject("pattern").put("Regex", regex);
        step.put("behavior", removed ? "Removed" : "Isolated").put("invert", removed);
    }

    private static ObjectNode bytes(ObjectNode step, boolean ownExpression) {
        return step.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", ownExpression);
    }
}
