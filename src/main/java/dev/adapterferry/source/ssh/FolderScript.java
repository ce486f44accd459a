package dev.adapterferry.source.ssh;

/**
 * The POSIX shell scripts that look at a folder on the far side. They need no more than sh, stat, head, tail, base64 and a
 * SHA-256 tool, in the GNU, BusyBox or BSD flavour; every name travels quoted in, and NUL-terminated out.
 */
final class FolderScript {
    /** Exit status: there is no such folder. */
    static final int MISSING = 40;
    /** Exit status: it cannot be entered. */
    static final int CLOSED = 41;
    /** Exit status: it holds too many files. */
    static final int CROWDED = 42;
    /** Exit status: the far side has no SHA-256 tool. */
    static final int NO_SHA256 = 43;
    /** More files than this in one folder are no training's output. */
    static final int MAX_FILES = 4000;

    private FolderScript() { }

    /**
     * Lists a folder, and those folders in it that may hold an adapter, with the templates beside it. A path to a file means the folder around it.
     * Prints {@code r NUL root NUL}, then per file {@code f size mtime NUL name NUL} or, for a link to a file,
     * {@code l size mtime NUL name NUL target NUL}.
     */
    static String list(String path) {
        return "p=" + home(path) + """

                if [ -f "$p" ]; then p=$(dirname -- "$p"); fi
                if [ ! -d "$p" ]; then if [ -e "$p" ] || [ -L "$p" ]; then exit 41; else exit 40; fi; fi
                cd -- "$p" 2>/dev/null && [ -r . ] || exit 41
                printf 'r\\0%s\\0' "$(pwd -P)"
                if stat -L -c '%s %.9Y' . >/dev/null 2>&1; then s() { stat -L -c '%s %.9Y' -- "$1" 2>/dev/null; }
                elif stat -L -c '%s %Y' . >/dev/null 2>&1; then s() { stat -L -c '%s %Y' -- "$1" 2>/dev/null; }
                else s() { stat -L -f '%z %Fm' -- "$1" 2>/dev/null; }; fi
                n=0
                e() {
                  [ -f "$1" ] || return 0
                  n=$((n+1)); if [ "$n" -gt\s""" + MAX_FILES + """
                 ]; then exit 42; fi
                  if [ -L "$1" ]; then printf 'l %s\\0%s\\0%s\\0' "$(s "$1")" "$1" "$(readlink -f -- "$1")"
                  else printf 'f %s\\0%s\\0' "$(s "$1")" "$1"; fi
                }
                t() { if [ -d "$1" ] && [ ! -L "$1" ]; then for h in "$1"/*; do e "$h"; done; fi; }
                d() { t "$1/additional_chat_templates"; for m in "$1"/[0-9]_*; do t "$m"; done; }
                for f in * .[!.]*; do
                  e "$f"
                  if [ -d "$f" ] && [ ! -L "$f" ]; then case $f in
                    checkpoint-*|pissa_converted) for g in "$f"/*; do e "$g"; done; d "$f";;
                    additional_chat_templates|[0-9]_*) t "$f";;
                    *) if [ -f "$f/adapter_config.json" ]; then for g in "$f"/*; do e "$g"; done; d "$f"; fi;;
                  esac; fi
                done
                exit 0
                """;
    }

    /** Prints bytes of a file in base64. */
    static String read(String path, long offset, int length) {
        return "tail -c +" + (offset + 1) + " < " + ShellQuote.path(path) + " | head -c " + length + " | base64";
    }

    /** Prints a SHA-256 line per file, in order; the names do not come back, so they cannot lie. */
    static String sha256(Iterable<String> paths) {
        StringBuilder script = new StringBuilder("""
                if command -v sha256sum >/dev/null 2>&1; then h() { sha256sum; }
                elif command -v shasum >/dev/null 2>&1; then h() { shasum -a 256; }
                elif command -v openssl >/dev/null 2>&1; then h() { openssl dgst -sha256 -r; }
                else exit 43; fi
                """);
        for (String path : paths) {
            script.append("h < ").append(ShellQuote.path(path)).append(" || exit 1\n");
        }
        return script.append("exit 0\n").toString();
    }

    /** Ends with status 0 and prints {@code writer} when a process holds the file open for writing (Linux: flags in /proc). */
    static String writer(String path) {
        return "f=" + ShellQuote.path(path) + """

                for l in /proc/[0-9]*/fd/*; do
                  if [ "$l" -ef "$f" ] 2>/dev/null; then
                    d=${l%/fd/*}; flags=$(sed -n 's/^flags:[[:space:]]*//p' "$d/fdinfo/${l##*/}" 2>/dev/null)
                    case $flags in *[12]) echo writer; break;; esac
                  fi
                done
                exit 0
                """;
    }

    /** A path as a shell word; a leading {@code ~/} means the home folder there. */
    private static String home(String path) {
        if (path.equals("~")) {
            return "\"$HOME\"";
        }
        return path.startsWith("~/") ? "\"$HOME\"/" + ShellQuote.quote(path.substring(2)) : ShellQuote.path(path);
    }
}
