package dev.adapterferry.files;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.util.Optional;
import java.util.jar.Attributes;
import java.util.jar.JarFile;

/**
 * The version of this program, as the build wrote it into the manifest of its jar. A {@link Package} would not do: it takes its
 * version from where the first class of that package happened to be loaded, so that beside another folder with the same packages the
 * same program has a version at one time and none at another.
 */
public final class ToolVersion {
    private static final String NONE = "development";
    private static final Optional<String> FOUND = read(ToolVersion.class.getResource(ToolVersion.class.getSimpleName() + ".class"));

    private ToolVersion() { }

    /** The version, or empty when the program does not run from its jar. */
    public static Optional<String> find() {
        return FOUND;
    }

    /** The version, or {@code development} when the program does not run from its jar. */
    public static String text() {
        return FOUND.orElse(NONE);
    }

    private static Optional<String> read(URL self) {
        try {
            URLConnection connection = self.openConnection();
            if (!(connection instanceof JarURLConnection jar)) {
                return Optional.empty();
            }
            // Without the cache the jar is ours to close.
            connection.setUseCaches(false);
            try (JarFile file = jar.getJarFile()) {
                return Optional.ofNullable(file.getManifest()).map(manifest -> manifest.getMainAttributes().getValue(Attributes.Name.IMPLEMENTATION_VERSION));
            }
        } catch (IOException e) {
            throw new FerryException("Cannot read which version of Adapter Ferry this is from " + self + ": " + Durable.reason(e) + ".", e);
        }
    }
}
