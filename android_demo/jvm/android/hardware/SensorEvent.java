package android.hardware;

/** A fake. */
public class SensorEvent {
    public final float[] values;
    public Sensor sensor;
    public long timestamp;

    SensorEvent(Sensor sensor, long timestamp, float... values) {
        this.sensor = sensor;
        this.timestamp = timestamp;
        this.values = values;
    }
}
