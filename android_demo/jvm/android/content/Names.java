package android.content;

import java.lang.reflect.Field;

/** The names of strings, in place of the strings. */
final class Names {
    private Names() {}

    static String of(int id) {
        try {
            for (Field field : Class.forName("haredge.demo.R$string").getDeclaredFields()) {
                if (field.getInt(null) == id) {
                    return field.getName();
                }
            }
            throw new IllegalArgumentException("no string " + id);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }
}
