package haredge.bench;

import java.nio.FloatBuffer;

/** Gives windows in physical units, in order, from a file that stays on the disk. */
final class Windows {
    final int count;
    private final FloatBuffer values;
    private final int size;

    Windows(FloatBuffer values, int count, int size) {
        this.values = values;
        this.count = count;
        this.size = size;
    }

    /** The window at {@code place}: {@code samples * signals} values, samples one after the other. */
    float[] at(int place) {
        float[] window = new float[size];
        FloatBuffer view = values.duplicate();
        view.position(place * size);
        view.get(window);
        return window;
    }
}
