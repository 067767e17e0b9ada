package haredge.live;

import java.util.ArrayDeque;
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

    public void acceleration(long nanos, double x, double y, double z) {
        Reading reading = new Reading(nanos, x, y, z);
        if (!gyroscope) {
            give(reading, 0, 0, 0);
            return;
        }
        waiting.add(reading);
        while (nanos - waiting.peek().nanos > PATIENCE_NS) {
            Reading late = waiting.remove();
            if (before != null) {
                give(late, before.x, before.y, before.z);
            }
        }
    }

    public void rotation(long nanos, double x, double y, double z) {
        Reading after = new Reading(nanos, x, y, z);
        while (!waiting.isEmpty() && waiting.peek().nanos <= nanos) {
            Reading reading = waiting.remove();
            if (reading.nanos == nanos) {
                give(reading, x, y, z);
                continue;
            }
            if (before == null || before.nanos >= nanos) {
                continue; // nothing is known of the time before the first rotation
            }
            double share = Math.max(0, (double) (reading.nanos - before.nanos) / (nanos - before.nanos));
            give(reading, mix(before.x, x, share), mix(before.y, y, share), mix(before.z, z, share));
        }
        before = after;
    }

    private void give(Reading reading, double x, double y, double z) {
        target.take(reading.nanos, new double[] {reading.x, reading.y, reading.z, x, y, z});
    }

    private static double mix(double from, double to, double share) {
        return from + share * (to - from);
    }

    private static final class Reading {
        final long nanos;
        final double x;
        final double y;
        final double z;

        Reading(long nanos, double x, double y, double z) {
            this.nanos = nanos;
            this.x = x;
            this.y = y;
            this.z = z;
        }
    }
}
