package android.content;

import android.app.NotificationManager;
import android.content.res.AssetManager;
import android.hardware.SensorManager;
import android.os.PowerManager;

/** A fake: as much of it as the service uses. */
public class Context {
    public static NotificationManager notifications = new NotificationManager();
    public static PowerManager power = new PowerManager();
    public static SensorManager sensors = new SensorManager();
    private final AssetManager assets = new AssetManager();

    public final String getString(int id) {
        return getString(id, new Object[0]);
    }

    public final String getString(int id, Object... values) {
        return Names.of(id);
    }

    public AssetManager getAssets() {
        return assets;
    }

    public Object getSystemService(String name) {
        switch (name) {
            case "notification":
                return notifications;
            case "power":
                return power;
            case "sensor":
                return sensors;
            default:
                throw new IllegalArgumentException(name);
        }
    }
}
