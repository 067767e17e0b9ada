package haredge.demo;

import android.hardware.Sensor;
import android.hardware.SensorEvent;
import android.hardware.SensorEventListener;
import android.hardware.SensorManager;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Process;
import haredge.live.SampleSource;

/** Reads the phone's accelerometer and, if the model needs it, its gyroscope, on a thread of their own. */
final class SensorSource implements SampleSource, SensorEventListener {
    static final int PERIOD_US = 20_000; // 50 Hz

    private final SensorManager manager;
    private final Sensor accelerometer;
    private final Sensor gyroscope;
    private HandlerThread thread;
    private volatile Listener listener;

    SensorSource(SensorManager manager, boolean usesGyroscope) {
        this.manager = manager;
        accelerometer = manager.getDefaultSensor(Sensor.TYPE_ACCELEROMETER);
        gyroscope = usesGyroscope ? manager.getDefaultSensor(Sensor.TYPE_GYROSCOPE) : null;
    }

    boolean hasAccelerometer() {
        return accelerometer != null;
    }

    boolean hasGyroscope() {
        return gyroscope != null;
    }

    @Override
    public void start(Listener target) {
        listener = target;
        thread = new HandlerThread("har-edge sensors", Process.THREAD_PRIORITY_MORE_FAVORABLE);
        thread.start();
        Handler handler = new Handler(thread.getLooper());
        boolean started = manager.registerListener(this, accelerometer, PERIOD_US, 0, handler);
        if (started && gyroscope != null) {
            started = manager.registerListener(this, gyroscope, PERIOD_US, 0, handler);
        }
        if (!started) {
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
        float[] v = event.values;
        if (event.sensor.getType() == Sensor.TYPE_ACCELEROMETER) {
            target.acceleration(event.timestamp, v[0], v[1], v[2]);
        } else {
            target.rotation(event.timestamp, v[0], v[1], v[2]);
        }
    }

    @Override
    public void onAccuracyChanged(Sensor sensor, int accuracy) {
    }
}
