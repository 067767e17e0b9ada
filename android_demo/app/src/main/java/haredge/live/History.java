package haredge.live;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Keeps the decisions of the last minutes. Safe to be used by several threads. */
public final class History {
    public static final double SECONDS = 180;

    private final Deque<Decision> decisions = new ArrayDeque<>();

    synchronized void add(Decision decision) {
        if (!decisions.isEmpty() && decision.seconds < decisions.peekLast().seconds) {
            decisions.clear(); // the clock was set back
        }
        decisions.add(decision);
        while (decisions.peek().seconds < decision.seconds - SECONDS) {
            decisions.remove();
        }
    }

    public synchronized List<Decision> all() {
        return new ArrayList<>(decisions);
    }

    public synchronized Decision latest() {
        return decisions.peekLast();
    }
}
