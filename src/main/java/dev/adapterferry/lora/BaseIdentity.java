package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.PrintableName;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Is this the base that the adapter was trained on? Two models of one family have the same shapes, so only names can tell, and an
 * adapter merged into the wrong one gives a model that is silently bad. Names are compared without what does not matter: the owner's
 * mirror, a 4-bit suffix, a path on the training machine.
 */
public final class BaseIdentity {
    /** 4-bit repositories whose 16-bit original has another name than their own without the suffix (unsloth's {@code mapper.py}). */
    private static final Map<String, String> ORIGINALS = Map.of(
            "unsloth/llama-3-70b-instruct", "meta-llama/Meta-Llama-3-70B-Instruct",
            "unsloth/qwen2-70b", "Qwen/Qwen2-72B",
            "unsloth/qwen2-70b-instruct", "Qwen/Qwen2-72B-Instruct",
            "unsloth/meta-llama-3.1-405b", "meta-llama/Meta-Llama-3.1-405B",
            "unsloth/meta-llama-3.1-405b-instruct", "meta-llama/Meta-Llama-3.1-405B-Instruct",
            "unsloth/hermes-3-llama-3.1-405b", "NousResearch/Hermes-3-Llama-3.1-405B",
            "unsloth/mistral-large-instruct-2407", "mistralai/Mistral-Large-Instruct-2407",
            "unsloth/pixtral-12b-base-2409", "mistralai/Pixtral-12B-Base-2409");

    private static final Pattern FOUR_BIT = Pattern.compile("(?i)-(unsloth-)?bnb-4bit$");
    private static final Pattern HUB_CACHE = Pattern.compile("models--(?<owner>[^/\\\\]+?)--(?<name>[^/\\\\]+)");

    private BaseIdentity() { }

    /**
     * The 16-bit repository of a base.
     *
     * @param name repository or path that an adapter names, perhaps of a 4-bit version
     * @return the repository that a merge should use; the name itself when it is none of a 4-bit version
     */
    public static String sixteenBit(String name) {
        Matcher suffix = FOUR_BIT.matcher(name);
        if (!suffix.find()) {
            return name;
        }
        String stripped = suffix.replaceFirst("");
        return ORIGINALS.getOrDefault(stripped.toLowerCase(Locale.ROOT), stripped);
    }

    /**
     * Compares the base that the adapter names, the one configured and the one in use.
     *
     * @param adapter    the adapter's name, for the message
     * @param declared   what the adapter names
     * @param configured what the settings name
     * @param used       what is in use: repository, folder name or path
     * @param allowed    names that may differ
     * @return what the user should know
     * @throws FerryException on a mismatch that is not allowed
     */
    public static List<String> check(String adapter, Optional<String> declared, Optional<String> configured, String used, Set<String> allowed) {
        if (configured.isPresent() && !same(configured.get(), used) && !allowed.contains(configured.get())) {
            throw new FerryException("Cannot merge " + adapter + ": the settings name the base " + configured.get() + ", the one in use is " + used
                    + ". Use that base, or allow '" + configured.get() + "' by name (--allow, or setting merge.allow) if they are the same weights.");
        }
        if (declared.isEmpty()) {
            return List.of("adapter_config.json names no base; nothing shows that " + used + " is the one it was trained on");
        }
        String name = declared.get();
        if (same(name, used)) {
            return sixteenBit(name).equals(name) ? List.of()
                    : List.of("the adapter was trained on the 4-bit " + PrintableName.of(name) + " and is merged into the 16-bit weights of " + used);
        }
        if (allowed.contains(name) || allowed.contains(sixteenBit(name))) {
            return List.of("the adapter was trained on " + PrintableName.of(name) + " and is merged into " + used + ", as allowed");
        }
        throw new FerryException("Cannot merge " + adapter + ": it was trained on " + PrintableName.of(name) + ", but the base in use is " + used
                + ". Use that base, or allow '" + PrintableName.of(name) + "' by name (--allow, or setting merge.allow) if they are the same weights.");
    }

    /** Whether two names mean the same weights: the same repository, or a mirror or a local copy of it under its name. */
    public static boolean same(String one, String other) {
        String[] a = ownerAndName(sixteenBit(one));
        String[] b = ownerAndName(sixteenBit(other));
        boolean mirror = a[0].isEmpty() || b[0].isEmpty() || a[0].equals("unsloth") || b[0].equals("unsloth");
        return a[1].equals(b[1]) && (mirror || a[0].equals(b[0]));
    }

    /** Owner (empty for a path) and name, in lower case; {@code Meta-} is what unsloth drops or adds for Llama. */
    private static String[] ownerAndName(String text) {
        Matcher cache = HUB_CACHE.matcher(text);
        if (cache.find()) {
            return new String[] {cache.group("owner").toLowerCase(Locale.ROOT), bare(sixteenBit(cache.group("name")))};
        }
        String[] parts = Stream.of(text.split("[/\\\\]")).filter(part -> !part.isEmpty()).toArray(String[]::new);
        boolean repository = parts.length == 2 && !text.startsWith("/") && !text.startsWith(".") && !text.startsWith("~") && !text.contains("\\");
        return new String[] {repository ? parts[0].toLowerCase(Locale.ROOT) : "", parts.length == 0 ? "" : bare(parts[parts.length - 1])};
    }

    private static String bare(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.startsWith("meta-llama-") ? lower.substring("meta-".length()) : lower;
    }
}
