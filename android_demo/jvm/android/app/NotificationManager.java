package android.app;

import haredge.demo.Journal;

/** A fake. */
public class NotificationManager {
    public void createNotificationChannel(NotificationChannel channel) {
        Journal.note("channel");
    }

    public void notify(int id, Notification notification) {
        Journal.note("notify " + notification);
    }
}
