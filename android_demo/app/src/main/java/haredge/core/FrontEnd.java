package haredge.core;

import java.util.Arrays;

/** Filters raw samples into the nine signals as {@code edge_runtime/signals/frontend.py}, one sample late. */
public final class FrontEnd {
    /** Accelerometer x y z in g, gyroscope x y z in rad/s. */
    public static final int CHANNELS = 6;

    /** body_acc x y z (g), body_gyro x y z (rad/s), total_acc x y z (g). */
    public static final int SIGNALS = 9;

    public static final double RATE_HZ = 50;

    public static final double STANDARD_GRAVITY = 9.80665;

    static final int MEDIAN = 3;

    private final Filters filters;
    private final SecondOrderSections noise;
    private final SecondOrderSections gravity;
    private final SecondOrderFilter drift;
    private final boolean gentle;
    private double[] before = new double[CHANNELS]; // zeros stand before the first sample
    private double[] last;

    /** With a {@code gentle} start, filters of acceleration start as if the first sample had always been there. */
    public FrontEnd(Filters filters, boolean gentle) {
        this.filters = filters;
        noise = new SecondOrderSections(filters.noise.sections, CHANNELS);
        gravity = new SecondOrderSections(filters.gravity.sections, 3);
        drift = new SecondOrderFilter(filters.drift.sections[0], 3);
        this.gentle = gentle;
    }

    public void reset() {
        noise.reset();
        gravity.reset();
        drift.reset();
        before = new double[CHANNELS];
        last = null;
    }

    /** Take the next sample, at 50 Hz; give the signals {@code [9]} of the one before it, null for the very first. */
    public double[] push(double[] raw) {
        double[] sample = checked(raw);
        if (last == null) {
            last = sample;
            if (gentle) {
                settle(sample);
            }
            return null;
        }
        double[] median = new double[CHANNELS];
        for (int i = 0; i < CHANNELS; i++) {
            median[i] = median(before[i], last[i], sample[i]);
        }
        before = last;
        last = sample;
        return filter(median);
    }

    /** End the recording: give the signals of its last sample, null if there was none, and reset. */
    public double[] flush() {
        double[] signals = last == null ? null : push(new double[CHANNELS]);
        reset();
        return signals;
    }

    private void settle(double[] sample) {
        double[] acceleration = Arrays.copyOf(Arrays.copyOf(sample, 3), CHANNELS);
        before = acceleration;
        noise.settle(filters.noise.settled, acceleration);
        gravity.settle(filters.gravity.settled, acceleration);
    }

    private double[] filter(double[] median) {
        double[] clean = noise.apply(median);
        double[] totalAcc = {clean[0], clean[1], clean[2]};
        double[] gyro = {clean[3], clean[4], clean[5]};
        double[] down = gravity.apply(totalAcc);
        double[] offset = drift.apply(gyro);
        double[] signals = new double[SIGNALS];
        for (int axis = 0; axis < 3; axis++) {
            signals[axis] = totalAcc[axis] - down[axis];
            signals[3 + axis] = gyro[axis] - offset[axis];
            signals[6 + axis] = totalAcc[axis];
        }
        return signals;
    }

    static double median(double a, double b, double c) {
        return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    }

    private static double[] checked(double[] raw) {
        double[] sample = new double[CHANNELS];
        for (int i = 0; i < CHANNELS; i++) {
            if (Double.isNaN(raw[i]) || Double.isInfinite(raw[i])) {
                throw new IllegalArgumentException("a raw sample is not finite; leave it out and start anew after it");
            }
            sample[i] = raw[i] + 0.0; // -0.0 becomes 0.0
        }
        return sample;
    }
}
