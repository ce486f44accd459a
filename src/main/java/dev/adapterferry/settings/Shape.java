package dev.adapterferry.settings;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** What the settings may hold, read once from the records: sections of fields, tables by name, lists, single values. */
sealed interface Shape {
    /** The whole file. */
    Section ROOT = section(Settings.class);

    /** A record: a mapping with known keys. */
    record Section(Class<?> type, Map<String, Field> fields) implements Shape {
        /** Makes the record; its own checks throw {@link IllegalArgumentException}. */
        Object make(List<Object> values) {
            try {
                Constructor<?> constructor = type.getDeclaredConstructors()[0];
                return constructor.newInstance(values.toArray());
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw new IllegalStateException(e);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(type + " is not a plain record", e);
            }
        }
    }

    /** A {@code Map<String, …>}: a mapping with keys of the user's choice. */
    record Table(Shape value) implements Shape { }

    /** A list of single values. */
    record Items(Single item) implements Shape { }

    /** A single value. */
    record Single(Class<?> type, Presence presence) implements Shape { }

    /** How a value that may be missing is held. */
    enum Presence { REQUIRED, OPTIONAL, OPTIONAL_LONG, OPTIONAL_DOUBLE }

    /** One key of a section. */
    record Field(String key, Setting setting, Shape shape, Method accessor) {
        Object of(Object owner) {
            try {
                return accessor.invoke(owner);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static Section section(Class<?> type) {
        Map<String, Field> fields = new LinkedHashMap<>();
        for (RecordComponent component : type.getRecordComponents()) {
            Setting setting = component.getAnnotation(Setting.class);
            if (setting == null) {
                throw new IllegalStateException(type.getSimpleName() + "." + component.getName() + " lacks its @Setting");
            }
            String key = Names.kebab(component.getName());
            fields.put(key, new Field(key, setting, shape(component.getGenericType()), component.getAccessor()));
        }
        return new Section(type, fields);
    }

    private static Shape shape(Type type) {
        if (type instanceof ParameterizedType generic) {
            Type last = generic.getActualTypeArguments()[generic.getActualTypeArguments().length - 1];
            if (generic.getRawType() == List.class) {
                return new Items(new Single((Class<?>) last, Presence.REQUIRED));
            }
            if (generic.getRawType() == Map.class) {
                return new Table(shape(last));
            }
            if (generic.getRawType() == Optional.class) {
                return new Single((Class<?>) last, Presence.OPTIONAL);
            }
        }
        if (type == OptionalLong.class) {
            return new Single(long.class, Presence.OPTIONAL_LONG);
        }
        if (type == OptionalDouble.class) {
            return new Single(double.class, Presence.OPTIONAL_DOUBLE);
        }
        Class<?> plain = (Class<?>) type;
        return plain.isRecord() && plain != Size.class && plain != Cron.class ? section(plain) : new Single(plain, Presence.REQUIRED);
    }
}
