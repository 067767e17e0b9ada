package android.hardware;

import android.os.Handler;
import haredge.demo.Journal;
import java.util.LinkedHashMap;
import java.util.Map;

/** A fake: a phone with the sensors that the property {@code sensors} names, and events as they are told. */
public class SensorManager {
    private static final Map<Integer, String> NAMES = Map.of(1, "accelerometer", 4, "gyroscope");
    private final Map<Integer, SensorEventListener> listeners = new LinkedHashMap<>();

    public Sensor getDefaultSensor(int type) {
        return System.getProperty("sensors").contains(NAMES.get(type)) ? new Sensor(type) : null;
    }

    public boolean registerListener(
            SensorEventListener listener, Sensor sensor, int periodUs, int latencyUs, Handler handler) {
        if (Boolean.getBoolean("refused")) {
            return false;
        }
        Journal.note(NAMES.get(sensor.getType()) + " every " + periodUs + " us, late by " + latencyUs);
        listeners.put(sensor.getType(), listener);
        return true;
    }

    public void unregisterListener(SensorEventListener listener) {
        Journal.note("sensors off");
        listeners.clear();
    }

    /** Say what a sensor measures; whether anybody listens. */
    public boolean tell(int type, long nanos, float... values) {
        SensorEventListener listener = listeners.get(type);
        if (listener != null) {
            listener.onSensorChanged(new SensorEvent(new Sensor(type), nanos, values));
        }
        return listener != null;
    }
}
