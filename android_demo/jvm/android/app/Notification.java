package android.app;

import android.content.Context;
import android.graphics.drawable.Icon;

/** A fake: its text. */
public class Notification {
    private final String text;

    Notification(String text) {
        this.text = text;
    }

    @Override
    public String toString() {
        return text;
    }

    /** A fake. */
    public static class Action {
        /** A fake. */
        public static final class Builder {
            public Builder(Icon icon, CharSequence title, PendingIntent intent) {}

            public Action build() {
                return new Action();
            }
        }
    }

    /** A fake. */
    public static class Builder {
        private String text;

        public Builder(Context context) {}

        public Builder(Context context, String channel) {}

        public Builder setSmallIcon(int icon) {
            return this;
        }

        public Builder setContentTitle(CharSequence title) {
            return this;
        }

        public Builder setContentText(CharSequence content) {
            text = content.toString();
            return this;
        }

        public Builder setContentIntent(PendingIntent intent) {
            return this;
        }

        public Builder addAction(Action action) {
            return this;
        }

        public Builder setOngoing(boolean ongoing) {
            return this;
        }

        public Builder setOnlyAlertOnce(boolean once) {
            return this;
        }

        public Notification build() {
            return new Notification(text);
        }
    }
}
