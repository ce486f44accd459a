package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.RequestFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.camel.Exchange;
import org.apache.camel.component.file.GenericFile;

/** The bean {@code inbox} of the routes: turns a dropped file into a request. */
public final class InboxBean {
    /** Bytes of a name that leave room for what is put before and behind it; file systems allow 255. */
    private static final int MOST_NAME = 220;

    private final Settings settings;

    InboxBean(Settings settings) {
        this.settings = settings;
    }

    /** Leaves in a header how the file that explains a refusal is called: like the refused one, unless that leaves no room for more. */
    public void name(Exchange exchange) {
        String name = exchange.getMessage().getHeader(Exchange.FILE_NAME_ONLY, String.class);
        exchange.getMessage().setHeader(FerryHeaders.FILE, name);
        String shortened = name.getBytes(StandardCharsets.UTF_8).length > MOST_NAME ? name.codePoints().limit(MOST_NAME / 4).collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString()
                : name;
        exchange.getMessage().setHeader(FerryHeaders.REASON_FILE, shortened + ".reason.txt");
    }

    /** Body: the file. Leaves the request as body. Reads no more than one byte over the limit, however large the file is. */
    public void read(Exchange exchange) throws IOException {
        Path file = Path.of(((GenericFile<?>) exchange.getMessage().getBody()).getAbsoluteFilePath());
        if (!Files.isRegularFile(file, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            throw new FerryException("Refusing the inbox entry '" + file.getFileName() + "': it is no regular file.");
        }
        int limit = Math.toIntExact(Math.min(Integer.MAX_VALUE - 8L, settings.inbox().maxSize().bytes() + 1));
        try (InputStream in = Files.newInputStream(file)) {
            exchange.getMessage().setBody(RequestFiles.read(settings, file.getFileName().toString(), in.readNBytes(limit)));
        }
    }
}
