package haredge.demo;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.os.Build;

/** Makes the one notification: the activity now, and a button that stops recognition. */
final class Notifications {
    static final int ID = 1;
    private static final String CHANNEL = "recognition";

    private final Context context;
    private final NotificationManager manager;

    Notifications(Context context) {
        this.context = context;
        manager = (NotificationManager) context.getSystemService(Context.NOTIFICATION_SERVICE);
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
            String name = context.getString(R.string.channel);
            manager.createNotificationChannel(
                    new NotificationChannel(CHANNEL, name, NotificationManager.IMPORTANCE_LOW));
        }
    }

    void show(String text) {
        manager.notify(ID, make(text));
    }

    Notification make(String text) {
        int immutable = PendingIntent.FLAG_IMMUTABLE;
        Intent screen = new Intent(context, MainActivity.class);
        Intent stop = new Intent(context, RecognitionService.class).setAction(RecognitionService.STOP);
        PendingIntent stopping = PendingIntent.getService(context, 0, stop, immutable);
        return builder()
                .setSmallIcon(R.drawable.icon)
                .setContentTitle(context.getString(R.string.app_name))
                .setContentText(text)
                .setContentIntent(PendingIntent.getActivity(context, 0, screen, immutable))
                .addAction(new Notification.Action.Builder(null, context.getString(R.string.stop), stopping).build())
                .setOngoing(true)
                .setOnlyAlertOnce(true)
                .build();
    }

    @SuppressWarnings("deprecation") // before channels
    private Notification.Builder builder() {
        return Build.VERSION.SDK_INT >= Build.VERSION_CODES.O
                ? new Notification.Builder(context, CHANNEL)
                : new Notification.Builder(context);
    }
}
