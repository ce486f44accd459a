package dev.adapterferry.source.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.transfer.FileEntry;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a far side may print, and how much of it is believed. The shell here answers whatever a test wants. */
class SshTreeTest {
    private static final Pattern MARK = Pattern.compile("m=([0-9a-f-]{36});");

    /** A tree whose machine prints this when it is asked for a listing. */
    private static SshTree printing(String text, int exit) {
        return tree(text, exit, "", 0);
    }

    /** A tree whose machine has an empty folder, and prints this when it is asked for anything else. */
    private static SshTree answering(String text, int exit) {
        return tree("r\0/out\0", 0, text, exit);
    }

    private static SshTree tree(String listing, int listingExit, String other, int otherExit) {
        return new SshTree((script, timeout) -> {
            boolean lists = script.contains("pwd -P");
            return framed(script, (lists ? listing : other) + "\nend-MARK " + (lists ? listingExit : otherExit) + "\nbye\n");
        }, "the machine", "/out", root -> null, () -> { });
    }

    /** In the frame that was asked for, with chatter before it. */
    private static RemoteShell.Result framed(String script, String text) {
        Matcher mark = MARK.matcher(script);
        assertThat(mark.find()).isTrue();
        return new RemoteShell.Result(0, "Welcome to vast.ai. Have fun!\n\nbegin-" + mark.group(1) + "\n" + text.replace("MARK", mark.group(1)), "");
    }

    private List<FileEntry> list(String files) {
        return printing("r\0/out\0" + files, 0).list();
    }

    @Test
    void readsSizesAndTimesOfEveryFlavour() {
        assertThat(list("f 10 1767225600.123456789\0a.json\0f 11 1767225600\0b.json\0f 12 1767225600.5\0checkpoint-5/c.json\0f \0vanished\0"))
                .containsExactly(FileEntry.of("a.json", 10, 1767225600123456789L), FileEntry.of("b.json", 11, 1767225600000000000L), FileEntry.of("checkpoint-5/c.json", 12, 1767225600500000000L));
    }

    @Test
    void readsTheTemplatesThatLieBesideAnAdapter() {
        assertThat(list("f 1 1767225600\0additional_chat_templates/rag.jinja\0f 2 1767225600\0checkpoint-5/additional_chat_templates/rag.jinja\0")).extracting(FileEntry::name)
                .containsExactly("additional_chat_templates/rag.jinja", "checkpoint-5/additional_chat_templates/rag.jinja");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../etc/cron.d/x", "..", "a/../b", "/etc/passwd", "a//b", "a/b/c", "a/additional_chat_templates/b/c", "../additional_chat_templates/x", "additional_chat_templates/a/x", "./x", "", "new\nline", "bell\7", "esc\33[2J"})
    void refusesNamesThatNoTrainingWrites(String name) {
        assertThatThrownBy(() -> list("f 10 1767225600\0" + name + "\0")).isExactlyInstanceOf(FerryException.class).hasMessageContaining("not one that a training writes")
                .extracting(Throwable::getMessage).asString().as("the message itself is one clean line").doesNotContainPattern("\\p{Cntrl}");
    }

    @Test
    void keepsShellCharactersAsThePlainTextThatTheyAre() {
        assertThat(list("f 10 1767225600\0$(reboot) `id`; rm -rf ~ 'x' \"y\" & *\0")).extracting(FileEntry::name).containsExactly("$(reboot) `id`; rm -rf ~ 'x' \"y\" & *");
        assertThat(FolderScript.sha256(List.of("/out/it's $(x)"))).contains("h < '/out/it'\\''s $(x)' || exit 1");
        assertThat(ShellQuote.path("-rf it's $(x)")).isEqualTo("'./-rf it'\\''s $(x)'");
    }

    @Test
    void marksLinksThatLeadOutOfTheFolder() {
        assertThat(list("l 10 1767225600\0adapter_model.safetensors\0/etc/shadow\0l 10 1767225600\0b\0/out/blobs/b\0l 9 1767225600\0c\0/outside\0"))
                .extracting(FileEntry::refusal).containsExactly("it is a link out of the folder, to /etc/shadow", "", "it is a link out of the folder, to /outside");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "r\0relative\0", "r\0/out\nput\0", "x\0/out\0", "r\0/out\0g 1 2\0name\0", "r\0/out\0f 99999999999999999999 1\0n\0", "r\0/out\0f -1 1\0n\0", "r\0/out\0f 1\0n\0", "r\0/out\0l 1 1\0n"})
    void refusesListingsThatMakeNoSense(String listing) {
        assertThatThrownBy(() -> printing(listing, 0).list()).isExactlyInstanceOf(FerryException.class).hasMessageContaining("the machine:/out");
    }

    @Test
    void saysWhyAFolderCannotBeListed() {
        assertThatThrownBy(() -> printing("", FolderScript.MISSING).list()).hasMessageContaining("no folder /out on the machine");
        assertThatThrownBy(() -> printing("", FolderScript.CLOSED).list()).hasMessageContaining("may not read it");
        assertThatThrownBy(() -> printing("", FolderScript.CROWDED).list()).hasMessageContaining("more than 4000 files");
        assertThatThrownBy(() -> answering("", FolderScript.NO_SHA256).checksums(List.of())).hasMessageContaining("no sha256sum");
    }

    @Test
    void doesNotTakeAnythingForAChecksum() {
        FileEntry file = FileEntry.of("a", 1, 1);
        String sum = "ab".repeat(32);
        assertThat(answering(sum + "  -\n", 0).checksums(List.of(file)).get("a").hex()).isEqualTo(sum);
        for (String lie : List.of("", "none  -\n", sum + "  -\n" + sum + "  -\n", "AB".repeat(32) + "\n", sum + "00  -\n")) {
            assertThatThrownBy(() -> answering(lie, 0).checksums(List.of(file))).as(lie).isExactlyInstanceOf(FerryException.class);
        }
        assertThatThrownBy(() -> answering(sum + "\n", 1).checksums(List.of(file))).as("a failed command's output counts for nothing").isInstanceOf(FerryException.class);
    }

    @Test
    void doesNotReadMoreThanItAskedFor() {
        FileEntry file = FileEntry.of("a", 100, 1);
        assertThatThrownBy(() -> answering("QUJDREVG\n", 0).read(file, 0, 3)).isInstanceOf(FerryException.class);
        assertThatThrownBy(() -> answering("not base64 at all: !\n", 0).read(file, 0, 30)).isInstanceOf(FerryException.class);
    }

    @Test
    void noticesAnAnswerWithoutItsFrame() {
        SshTree silent = new SshTree((script, timeout) -> new RemoteShell.Result(0, "r\0/out\0f 1 1\0a\0", "stty: not a tty"), "the machine", "/out", root -> null, () -> { });
        assertThatThrownBy(silent::list).isExactlyInstanceOf(FerryException.class).hasMessageContaining("without its frame").hasMessageContaining("stty: not a tty");
        SshTree cut = new SshTree((script, timeout) -> framed(script, "r\0/out\0f 1 1\0adapter_conf"), "the machine", "/out", root -> null, () -> { });
        assertThatThrownBy(cut::list).as("output that was cut off is no short listing").hasMessageContaining("without its frame");
    }
}
