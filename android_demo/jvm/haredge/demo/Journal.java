package haredge.demo;

import java.util.ArrayList;
import java.util.List;

/** What the fakes of Android were told, in order. */
public final class Journal {
    private static final List<String> LINES = new ArrayList<>();

    private Journal() {}

    public static synchronized void note(String line) {
        LINES.add(line);
    }

    /** All lines since the last call. */
    static synchronized List<String> take() {
        List<String> taken = new ArrayList<>(LINES);
        LINES.clear();
        return taken;
    }
}
