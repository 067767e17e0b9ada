package android.util;

import haredge.demo.Journal;

/** A fake. */
public final class Log {
    public static int e(String tag, String text, Throwable error) {
        Journal.note("log " + text);
        return 0;
    }
}
