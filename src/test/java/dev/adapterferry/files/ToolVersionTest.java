package dev.adapterferry.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ToolVersionTest {
    @TempDir
    Path temp;

    @Test
    void isThatOfTheJarWhicheverClassOfThePackageCameFirst() throws Exception {
        Path jar = temp.resolve("ferry.jar");
        pack(jar, ToolVersion.class, FerryException.class);
        Path classes = temp.resolve("classes");
        unpack(classes, Durable.class);
        for (List<String> order : List.of(List.<String>of(), List.of(Durable.class.getName()))) {
            URL[] path = {classes.toUri().toURL(), jar.toUri().toURL()};
            try (URLClassLoader loader = new URLClassLoader(path, ClassLoader.getPlatformClassLoader())) {
                for (String name : order) {
                    loader.loadClass(name);
                }
                Class<?> version = loader.loadClass(ToolVersion.class.getName());
                assertThat(version.getPackage().getImplementationVersion()).as("what the package says").isEqualTo(order.isEmpty() ? "1.2.3" : null);
                assertThat(version.getMethod("find").invoke(null)).isEqualTo(Optional.of("1.2.3"));
                assertThat(version.getMethod("text").invoke(null)).isEqualTo("1.2.3");
            }
        }
    }

    @Test
    void isDevelopmentOutsideOfAJar() throws Exception {
        Path classes = temp.resolve("classes");
        unpack(classes, ToolVersion.class, FerryException.class);
        try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()}, ClassLoader.getPlatformClassLoader())) {
            Class<?> version = loader.loadClass(ToolVersion.class.getName());
            assertThat(version.getMethod("find").invoke(null)).isEqualTo(Optional.empty());
            assertThat(version.getMethod("text").invoke(null)).isEqualTo("development");
        }
    }

    private static void pack(Path jar, Class<?>... classes) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.IMPLEMENTATION_VERSION, "1.2.3");
        try (OutputStream file = Files.newOutputStream(jar); JarOutputStream out = new JarOutputStream(file, manifest)) {
            for (Class<?> type : classes) {
                out.putNextEntry(new JarEntry(name(type)));
                out.write(bytes(type));
            }
        }
    }

    private static void unpack(Path folder, Class<?>... classes) throws IOException {
        for (Class<?> type : classes) {
            Path file = folder.resolve(name(type));
            Files.createDirectories(file.getParent());
            Files.write(file, bytes(type));
        }
    }

    private static String name(Class<?> type) {
        return type.getName().replace('.', '/') + ".class";
    }

    private static byte[] bytes(Class<?> type) throws IOException {
        try (InputStream in = type.getResourceAsStream(type.getSimpleName() + ".class")) {
            return in.readAllBytes();
        }
    }
}
