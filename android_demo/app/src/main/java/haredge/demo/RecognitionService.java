package haredge.demo;

import android.app.Service;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.hardware.SensorManager;
import android.os.Binder;
import android.os.Build;
import android.os.IBinder;
import android.os.PowerManager;
import android.util.Log;
import haredge.core.Classifier;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.live.CsvReplay;
import haredge.live.Decision;
import haredge.live.SampleSource;
import haredge.live.Session;
import java.io.File;
import java.io.IOException;

/**
 * Recognises in the foreground, with the screen on or off, until it is stopped.
 *
 * <p>The screen binds to it and looks at its session; it outlives the screen.
 */
public final class RecognitionService extends Service {
    /** The file of a recording that is played instead of the sensors. */
    static final String REPLAY = "replay";

    static final String STOP = "haredge.demo.STOP";
    private static final String TAG = "har-edge";

    /** What the screen holds of it. */
    final class Access extends Binder {
        RecognitionService service() {
            return RecognitionService.this;
        }
    }

    private final Access access = new Access();
    private Notifications notifications;
    private PowerManager.WakeLock wakeLock;
    private volatile Session session;
    private volatile String fault;
    private int shown = Integer.MIN_VALUE;

    @Override
    public void onCreate() {
        super.onCreate();
        notifications = new Notifications(this);
        PowerManager power = (PowerManager) getSystemService(Context.POWER_SERVICE);
        wakeLock = power.newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "haredge:recognition");
        wakeLock.setReferenceCounted(false);
    }

    @Override
    public IBinder onBind(Intent intent) {
        return access;
    }

    @Override
    public int onStartCommand(Intent intent, int flags, int startId) {
        if (intent != null && STOP.equals(intent.getAction())) {
            end(null);
            return START_NOT_STICKY;
        }
        goToForeground();
        if (session == null) {
            begin(intent == null ? null : intent.getStringExtra(REPLAY));
        }
        return START_STICKY; // started anew, with no intent, if the system had to end it
    }

    @Override
    public void onDestroy() {
        closeSession();
        super.onDestroy();
    }

    /** What is under way, null if nothing is. */
    Session session() {
        return session;
    }

    /** Why nothing is under way, null if there is no reason but that nobody wanted it. */
    String fault() {
        return fault;
    }

    private void begin(String replay) {
        fault = null;
        try {
            ModelFile model = Assets.model(this, Assets.INT8);
            Classifier classifier = new Classifier(model, TfLiteEngine::new, 1);
            boolean gyroscope = classifier.card.usesGyroscope();
            SampleSource source;
            if (replay == null) {
                SensorSource sensors = new SensorSource((SensorManager) getSystemService(SENSOR_SERVICE), gyroscope);
                if (!sensors.hasAccelerometer() || gyroscope && !sensors.hasGyroscope()) {
                    classifier.close();
                    end(getString(R.string.no_sensor));
                    return;
                }
                source = sensors;
            } else {
                source = new CsvReplay(new File(replay), false);
            }
            session = new Session(classifier, source, gyroscope, new Session.Listener() {
                @Override
                public void changed(Decision decision) {
                    show(decision);
                }

                @Override
                public void ended(String reason) {
                    fault = reason; // the session stays, so that the screen can still show it
                    letSleep();
                }
            });
            wakeLock.acquire();
            session.start();
        } catch (InputError | IOException error) {
            Log.e(TAG, "cannot begin", error);
            end(error.getMessage());
        }
    }

    /** Stop, for {@code reason} if it was not wanted. */
    private void end(String reason) {
        fault = reason;
        closeSession();
        stopForeground(STOP_FOREGROUND_REMOVE);
        stopSelf();
    }

    private void closeSession() {
        Session old = session;
        session = null;
        if (old != null) {
            old.close();
        }
        letSleep();
    }

    private void letSleep() {
        if (wakeLock.isHeld()) {
            wakeLock.release();
        }
    }

    /** Say in the notification what is done now, when that is something else than before. */
    private void show(Decision decision) {
        if (decision.label != shown && session != null) {
            shown = decision.label;
            notifications.show(Words.activity(this, session.classifier.card, decision));
        }
    }

    private void goToForeground() {
        shown = Integer.MIN_VALUE;
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.UPSIDE_DOWN_CAKE) {
            startForeground(Notifications.ID, notifications.make(getString(R.string.starting)),
                    ServiceInfo.FOREGROUND_SERVICE_TYPE_HEALTH);
        } else {
            startForeground(Notifications.ID, notifications.make(getString(R.string.starting)));
        }
    }
}
