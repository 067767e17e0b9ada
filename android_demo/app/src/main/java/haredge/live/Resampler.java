package haredge.live;

import haredge.core.FrontEnd;
import java.util.ArrayList;
import java.util.List;

/** Resamples raw samples to 50 Hz by timestamps in whole microseconds: {@code edge_runtime/signals/resampling.py}. */
final class Resampler {
    interface Target {
        /** A new stretch begins after {@code gap} seconds: 0 at the start, negative where the clock was set back. */
        void begin(double second, double gap);

        void take(double[] sample);
    }

    static final double WAIT_S = 0.06;

    private static final double WAIT = 1e6 * WAIT_S;
    private static final double MAX_GAP = 250_000;
    private static final double SET_BACK = 1_000_000;
    private static final int SET_BACK_SAMPLES = 5;
    private static final double LOOK = 500_000; // tells how fast a sensor is
    private static final double CLEARLY_FASTER = 1.25;
    private static final int MOST_TIMES_FASTER = 20;
    private static final long STEP = 1_000_000_000; // of the grid, in microseconds times the rate in millihertz
    private static final long RATE_MHZ = Math.round(1000.0 * FrontEnd.RATE_HZ);

    private final Target target;
    private final List<Timed> waiting = new ArrayList<>(); // in the order of their times
    private List<Timed> behind = new ArrayList<>();
    private Timed ahead;
    private double newest = Double.NEGATIVE_INFINITY;
    private Stretch stretch;
    private Double last;
    int duplicates;
    int late;

    Resampler(Target target) {
        this.target = target;
    }

    /** Take a sample, unless it seems to come after a gap: then the next one has to confirm its time. */
    void push(double second, double[] sample) {
        take(Math.rint(1e6 * second), sample);
    }

    private void take(double time, double[] sample) {
        if (ahead != null) {
            Timed seen = ahead;
            ahead = null;
            if (time == seen.time) {
                duplicates++;
                ahead = seen;
                return;
            }
            if (time > seen.time - WAIT) {
                place(seen.time, seen.values);
            } else {
                late++;
            }
        }
        if (newest != Double.NEGATIVE_INFINITY && time > newest + MAX_GAP) {
            ahead = new Timed(time, sample);
        } else {
            place(time, sample);
        }
    }

    private void place(double time, double[] sample) {
        if (time < newest - SET_BACK) {
            behind.add(new Timed(time, sample));
            if (behind.size() == SET_BACK_SAMPLES) {
                setBack();
            }
            return;
        }
        late += behind.size();
        behind = new ArrayList<>();
        if (time <= newest - WAIT) {
            late++;
            return;
        }
        int place = waiting.size();
        while (place > 0 && waiting.get(place - 1).time >= time) {
            place--;
        }
        if (place < waiting.size() && waiting.get(place).time == time) {
            duplicates++;
            return;
        }
        waiting.add(place, new Timed(time, sample));
        newest = Math.max(newest, time);
        while (!waiting.isEmpty() && waiting.get(0).time <= newest - WAIT) {
            use(waiting.remove(0));
        }
    }

    void flush() {
        late += behind.size() + (ahead == null ? 0 : 1);
        behind = new ArrayList<>();
        ahead = null;
        end();
    }

    private void setBack() {
        List<Timed> samples = behind;
        behind = new ArrayList<>();
        end();
        for (Timed sample : samples) {
            take(sample.time, sample.values);
        }
    }

    private void use(Timed sample) {
        if (stretch != null && sample.time - stretch.end() <= MAX_GAP) {
            stretch.add(sample);
        } else {
            finishStretch();
            target.begin(sample.time / 1e6, last == null ? 0 : (sample.time - last) / 1e6);
            stretch = new Stretch(sample);
        }
        last = sample.time;
    }

    private void end() {
        List<Timed> left = new ArrayList<>(waiting);
        waiting.clear();
        for (Timed sample : left) {
            use(sample);
        }
        finishStretch();
        newest = Double.NEGATIVE_INFINITY;
    }

    private void finishStretch() {
        if (stretch != null) {
            stretch.finish();
        }
        stretch = null;
    }

    private static final class Timed {
        final double time; // whole microseconds
        final double[] values;

        Timed(double time, double[] values) {
            this.time = time;
            this.values = values;
        }
    }

    /** Samples without a gap, on the grid of times that begins with the first of them. */
    private final class Stretch {
        private final double start;
        private final List<Timed> first = new ArrayList<>(); // until it is known how fast the sensor is
        private long rate; // of the grid, in millihertz
        private double newest; // since the start
        private double[] values;
        private long given;
        private Decimator decimator;

        Stretch(Timed sample) {
            start = sample.time;
            values = sample.values;
            first.add(sample);
        }

        double end() {
            return first.isEmpty() ? start + newest : first.get(first.size() - 1).time;
        }

        void add(Timed next) {
            if (decimator != null) {
                use(next);
                return;
            }
            first.add(next);
            if (next.time - start >= LOOK) {
                decide();
            }
        }

        /** Give what is left, up to a microsecond beyond the last sample, whose time was rounded. */
        void finish() {
            if (decimator == null) {
                decide();
            }
            if (given * STEP <= ((long) newest + 1) * rate) {
                give(values);
            }
            decimator.finish();
        }

        /** How fast the sensor is, by its first samples; then go on with those. */
        private void decide() {
            int steps = first.size() - 1;
            double faster = steps / Math.max(first.get(steps).time - start, 1.0) * STEP / RATE_MHZ;
            int factor = faster < CLEARLY_FASTER ? 1 : (int) Math.min(Math.max(2, Math.rint(faster)), MOST_TIMES_FASTER);
            rate = factor * RATE_MHZ;
            decimator = new Decimator(factor, target::take);
            give(values);
            for (Timed sample : first.subList(1, first.size())) {
                use(sample);
            }
            first.clear();
        }

        private void use(Timed next) {
            long before = (long) newest * rate;
            newest = next.time - start;
            long after = (long) newest * rate;
            for (long at = given * STEP; at <= after; at = given * STEP) {
                give(at == after ? next.values : between((double) (at - before) / (after - before), next.values));
            }
            values = next.values;
        }

        private double[] between(double share, double[] next) {
            double[] sample = new double[next.length];
            for (int i = 0; i < sample.length; i++) {
                sample[i] = values[i] + share * (next[i] - values[i]);
            }
            return sample;
        }

        private void give(double[] sample) {
            given++;
            decimator.push(sample);
        }
    }
}
