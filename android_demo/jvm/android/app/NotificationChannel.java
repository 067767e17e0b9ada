package android.app;

/** A fake. */
public final class NotificationChannel {
    public NotificationChannel(String id, CharSequence name, int importance) {}
}
