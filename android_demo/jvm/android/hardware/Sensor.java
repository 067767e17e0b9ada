package android.hardware;

/** A fake. */
public final class Sensor {
    private final int type;

    Sensor(int type) {
        this.type = type;
    }

    public int getType() {
        return type;
    }
}
