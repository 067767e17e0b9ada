package haredge.live;

import java.util.EnumSet;
import java.util.Set;

/** Detects faults in the times of samples, told once: {@code edge_runtime/signals/sensor_faults.py}. */
final class ClockWatch {
    private static final int RUN = 10; // samples in a row
    private static final int LOOKED_AT = 100; // samples
    private static final double LEAST_STEP_S = 0.001; // no sensor of motion is faster
    private static final double ANOTHER_S = 1.0; // another clock, or another stretch of its time

    private final Set<Notice.Kind> said = EnumSet.noneOf(Notice.Kind.class);
    private double first = Double.NEGATIVE_INFINITY;
    private double newest = Double.NEGATIVE_INFINITY;
    private int count;
    private int same;
    private int behind;

    Notice look(double second) {
        if (Math.abs(second - newest) > ANOTHER_S + FaultFinder.HALF_US) {
            first = second;
            newest = second;
            count = 0;
            same = 0;
            behind = 0;
            return null;
        }
        if (second > newest) {
            newest = second;
            same = 0;
            behind = 0;
            count++;
            return rate();
        }
        same = second == newest ? same + 1 : 0;
        behind = newest - second >= Resampler.WAIT_S - FaultFinder.HALF_US ? behind + 1 : 0;
        return same == RUN || behind == RUN ? say(second, Notice.Kind.CLOCK, newest - second) : null;
    }

    private Notice rate() {
        if (count < LOOKED_AT) {
            return null;
        }
        double step = (newest - first) / count;
        first = newest;
        count = 0;
        return step < LEAST_STEP_S ? say(newest, Notice.Kind.RATE, 1 / step) : null;
    }

    private Notice say(double second, Notice.Kind kind, double amount) {
        return said.add(kind) ? new Notice(second, kind, amount) : null;
    }
}
