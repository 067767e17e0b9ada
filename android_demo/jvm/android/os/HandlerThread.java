package android.os;

import haredge.demo.Journal;

/** A fake: nothing runs on it by itself. */
public class HandlerThread {
    private final String name;

    public HandlerThread(String name, int priority) {
        this.name = name;
    }

    public void start() {
        Journal.note("thread " + name);
    }

    public Looper getLooper() {
        return new Looper();
    }

    public boolean quitSafely() {
        Journal.note("thread ends");
        return true;
    }
}
