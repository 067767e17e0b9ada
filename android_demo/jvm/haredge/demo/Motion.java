package haredge.demo;

import static org.junit.Assert.assertTrue;

import android.hardware.Sensor;
import android.hardware.SensorEvent;
import android.hardware.SensorEventListener;
import android.hardware.SensorManager;
import android.os.Handler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.shadows.SensorEventBuilder;
import org.robolectric.shadows.ShadowSensor;
import org.robolectric.shadows.ShadowSensorManager;

/** Stands behind Android's {@link SensorManager}: the sensors of a phone, whose values a test sets. */
@Implements(SensorManager.class)
public class Motion extends ShadowSensorManager {
    private final Map<Integer, SensorEventListener> listeners = new LinkedHashMap<>();
    private final Map<Integer, Handler> handlers = new LinkedHashMap<>();
    private final List<String> asked = new ArrayList<>();

    static Motion ofPhone() {
        return Shadow.extract(RuntimeEnvironment.getApplication().getSystemService(SensorManager.class));
    }

    void with(int... types) {
        for (int type : types) {
            addSensor(ShadowSensor.newInstance(type));
        }
    }

    @Implementation
    @Override
    protected boolean registerListener(
            SensorEventListener listener, Sensor sensor, int periodUs, int latencyUs, Handler handler) {
        if (!super.registerListener(listener, sensor, periodUs, latencyUs, handler)) {
            return false;
        }
        asked.add(sensor.getType() + " every " + periodUs + " us, late by " + latencyUs);
        listeners.put(sensor.getType(), listener);
        handlers.put(sensor.getType(), handler);
        return true;
    }

    @Implementation
    @Override
    protected void unregisterListener(SensorEventListener listener) {
        super.unregisterListener(listener);
        listeners.clear();
    }

    List<String> asked() {
        return asked;
    }

    boolean isListenedTo() {
        return !listeners.isEmpty();
    }

    /** A sensor that somebody listens to says something, on the thread where that is wanted. */
    void say(int type, long nanos, double x, double y, double z) {
        SensorEventListener listener = listeners.get(type);
        if (listener != null) {
            SensorEvent event = SensorEventBuilder.newBuilder()
                    .setSensor(ShadowSensor.newInstance(type))
                    .setTimestamp(nanos)
                    .setValues(new float[] {(float) x, (float) y, (float) z})
                    .build();
            handlers.get(type).post(() -> listener.onSensorChanged(event));
        }
    }

    void settle() throws InterruptedException {
        for (Handler handler : handlers.values()) {
            CountDownLatch heard = new CountDownLatch(1);
            handler.post(heard::countDown);
            assertTrue("the thread of the sensors is stuck", heard.await(60, TimeUnit.SECONDS));
        }
    }
}
