package haredge.demo;

import android.app.Notification;
import android.app.Service;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.hardware.SensorManager;
import android.os.Binder;
import android.os.Build;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.PowerManager;
import android.util.Log;
import haredge.core.Card;
import haredge.core.Classifier;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.live.CsvReplay;
import haredge.live.Decision;
import haredge.live.SampleSource;
import haredge.live.Session;
import java.io.File;
import java.io.IOException;

/** Recognises activities in the foreground, with the screen on or off, until it is stopped. */
public final class RecognitionService extends Service implements Session.Listener {
    /** The file of a recording that is played instead of the sensors. */
    static final String REPLAY = "replay";

    static final String STOP = "haredge.demo.STOP";
    private static final String TAG = "har-edge";

    final class Access extends Binder {
        RecognitionService service() {
            return RecognitionService.this;
        }
    }

    private final Access access = new Access();
    private final Handler handler = new Handler(Looper.getMainLooper());
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
        if (!goToForeground()) {
            return START_NOT_STICKY;
        }
        String replay = intent == null ? null : intent.getStringExtra(REPLAY);
        if (session == null || session.isOver() || replay != null) {
            closeSession();
            begin(replay);
        }
        // Sensors are listened to anew, with no intent, if the system had to end it; a recording is not played again.
        return replay == null ? START_STICKY : START_NOT_STICKY;
    }

    @Override
    public void onDestroy() {
        closeSession();
        super.onDestroy();
    }

    /** What is under way, or is over and was not stopped; null if nothing is. */
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
            Models models = new Models(this);
            ModelFile model = models.read();
            SampleSource source = replay == null ? sensors(model.card) : new CsvReplay(new File(replay));
            session = new Session(new Classifier(model, TfLiteEngine::new, 1), models.atWaist(), source, this);
            wakeLock.acquire();
            session.start();
        } catch (InputError | IOException error) {
            Log.e(TAG, "cannot begin", error);
            end(error.getMessage());
        }
    }

    private SampleSource sensors(Card card) throws InputError {
        SensorSource sensors = new SensorSource((SensorManager) getSystemService(SENSOR_SERVICE), card);
        if (sensors.accelerometer == null || card.usesGyroscope() && sensors.gyroscope == null) {
            throw new InputError(getString(R.string.no_sensor));
        }
        return sensors;
    }

    /** The source ended: with a recording that is over, the session stays as long as a screen looks at it. */
    private void over(String reason) {
        if (session == null || !session.isOver()) {
            return; // another has begun
        }
        if (reason != null) {
            end(reason);
        } else {
            letSleep();
            leave();
        }
    }

    private void end(String reason) {
        fault = reason;
        closeSession();
        leave();
    }

    private void leave() {
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

    @Override
    public void ended(String reason) {
        handler.post(() -> over(reason));
    }

    @Override
    public void changed(Decision decision) {
        Session now = session;
        if (decision.label != shown && now != null) {
            shown = decision.label;
            notifications.show(DecisionText.activity(this, now.classifier.card, decision));
        }
    }

    /** Whether Android lets it: since version 12 not always when it was the system that started the service anew. */
    private boolean goToForeground() {
        shown = Integer.MIN_VALUE;
        Notification starting = notifications.make(getString(R.string.starting));
        try {
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.UPSIDE_DOWN_CAKE) {
                startForeground(Notifications.ID, starting, ServiceInfo.FOREGROUND_SERVICE_TYPE_HEALTH);
            } else {
                startForeground(Notifications.ID, starting);
            }
            return true;
        } catch (IllegalStateException | SecurityException error) {
            Log.e(TAG, "not in the foreground", error);
            end(getString(R.string.not_allowed));
            return false;
        }
    }
}
