package android.app;

import android.content.ContextWrapper;
import haredge.demo.Journal;

/** A fake. */
public abstract class Service extends ContextWrapper {
    public void onCreate() {}

    public void onDestroy() {}

    public final void startForeground(int id, Notification notification) {
        Journal.note("foreground " + notification);
    }

    public final void startForeground(int id, Notification notification, int type) {
        Journal.note("foreground " + notification + " type " + type);
    }

    public final void stopForeground(int flags) {
        Journal.note("background");
    }

    public final void stopSelf() {
        Journal.note("stop");
    }
}
