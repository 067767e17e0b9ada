package haredge.live;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/** Gives each acceleration the rotation at its time; it waits for that no longer than {@link #PATIENCE_NS}. */
public final class Pairing {
    /** Takes a sample: nanoseconds, and acceleration and rotation in the units they came in. */
    public interface Target {
        void take(long nanos, double[] sample);
    }

    static final long PATIENCE_NS = 200_000_000L;

    private final boolean gyroscope;
    private final Target target;
    private final Deque<Reading> waiting = new ArrayDeque<>();
    private Reading before;

    /** Without a {@code gyroscope}, rotation is zero. */
    public Pairing(boolean gyroscope, Target target) {
        this.gyroscope = gyroscope;
        this.target = target;
    }

    public void acceleration(long nanos, double... acceleration) {
        Reading reading = new Reading(nanos, acceleration);
        if (!gyroscope) {
            give(reading, 0, 0, 0);
            return;
        }
        waiting.add(reading);
        while (nanos - waiting.peek().nanos > PATIENCE_NS) {
            Reading late = waiting.remove();
            if (before != null) {
                give(late, before.values);
            }
        }
    }

    public void rotation(long nanos, double... rotation) {
        while (!waiting.isEmpty() && waiting.peek().nanos <= nanos) {
            Reading reading = waiting.remove();
            if (reading.nanos == nanos) {
                give(reading, rotation);
            } else if (before != null && before.nanos < nanos) { // else nothing is known of its time
                double share = Math.max(0, (double) (reading.nanos - before.nanos) / (nanos - before.nanos));
                double[] mixed = before.values.clone();
                for (int axis = 0; axis < mixed.length; axis++) {
                    mixed[axis] += share * (rotation[axis] - mixed[axis]);
                }
                give(reading, mixed);
            }
        }
        before = new Reading(nanos, rotation);
    }

    private void give(Reading reading, double... rotation) {
        double[] sample = Arrays.copyOf(reading.values, 6);
        System.arraycopy(rotation, 0, sample, 3, 3);
        target.take(reading.nanos, sample);
    }

    private static final class Reading {
        final long nanos;
        final double[] values;

        Reading(long nanos, double... values) {
            this.nanos = nanos;
            this.values = values;
        }
    }
}
