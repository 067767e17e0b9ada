package haredge.demo;

import android.hardware.Sensor;
import android.hardware.SensorEvent;
import android.hardware.SensorEventListener;
import android.hardware.SensorManager;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Process;
import haredge.core.Card;
import haredge.live.SampleSource;

/** Reads the phone's accelerometer and, if the model needs it, its gyroscope, on a thread of their own. */
final class SensorSource implements SampleSource, SensorEventListener {
    private static final double LONGEST_PERIOD_US = 20_000; // 50 Hz

    private final SensorManager manager;
    final Sensor accelerometer; // null if the phone lacks it
    final Sensor gyroscope;
    private final int periodUs;
    private final boolean isWornAnyWay;
    private HandlerThread thread;
    private volatile Listener listener;

    SensorSource(SensorManager manager, Card card) {
        this.manager = manager;
        accelerometer = manager.getDefaultSensor(Sensor.TYPE_ACCELEROMETER);
        gyroscope = card.usesGyroscope() ? manager.getDefaultSensor(Sensor.TYPE_GYROSCOPE) : null;
        periodUs = (int) Math.min(LONGEST_PERIOD_US, 1e6 / card.rateHz);
        isWornAnyWay = card.isWalkingFrame;
    }

    @Override
    public void start(Listener target) {
        listener = target;
        thread = new HandlerThread("har-edge sensors", Process.THREAD_PRIORITY_MORE_FAVORABLE);
        thread.start();
        Handler handler = new Handler(thread.getLooper());
        boolean started = manager.registerListener(this, accelerometer, periodUs, 0, handler);
        if (!started || gyroscope != null && !manager.registerListener(this, gyroscope, periodUs, 0, handler)) {
            stop();
            target.ended("the phone does not let this app use its motion sensors");
        }
    }

    @Override
    public void stop() {
        manager.unregisterListener(this);
        listener = null;
        if (thread != null) {
            thread.quitSafely();
            thread = null;
        }
    }

    @Override
    public void onSensorChanged(SensorEvent event) {
        Listener target = listener;
        if (target == null) {
            return;
        }
        // For models that know one way to wear it, x points up: the y axis of an upright phone.
        float x = event.values[isWornAnyWay ? 0 : 1];
        float y = isWornAnyWay ? event.values[1] : -event.values[0];
        if (event.sensor.getType() == Sensor.TYPE_ACCELEROMETER) {
            target.acceleration(event.timestamp, x, y, event.values[2]);
        } else {
            target.rotation(event.timestamp, x, y, event.values[2]);
        }
    }

    @Override
    public void onAccuracyChanged(Sensor sensor, int accuracy) {}
}
