package haredge.live;

import haredge.core.FrontEnd;
import java.util.ArrayList;
import java.util.List;

/** Resamples raw samples to 50 Hz by their timestamps, as {@code edge_runtime/signals/resampling.py}. */
final class Resampler {
    interface Target {
        /** A new stretch begins after {@code gap} seconds: 0 at the start, negative where the clock was set back. */
        void begin(double second, double gap);

        void take(double[] sample);
    }

    static final double WAIT_S = 0.06;

    private static final double MAX_GAP_S = 0.25;
    private static final double SET_BACK_S = 1.0;
    private static final int SET_BACK_SAMPLES = 5;
    private static final double LOOK_S = 0.5; // tells how fast a sensor is
    private static final double CLEARLY_FASTER = 1.25;
    private static final int MOST_TIMES_FASTER = 20;
    private static final double TOLERANCE = 1e-6; // of the time between two samples

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
        if (ahead != null) {
            Timed seen = ahead;
            ahead = null;
            if (second == seen.second) {
                duplicates++;
                ahead = seen;
                return;
            }
            if (second > seen.second - WAIT_S) {
                place(seen.second, seen.values);
            } else {
                late++;
            }
        }
        if (newest != Double.NEGATIVE_INFINITY && second > newest + MAX_GAP_S) {
            ahead = new Timed(second, sample);
        } else {
            place(second, sample);
        }
    }

    private void place(double second, double[] sample) {
        if (second < newest - SET_BACK_S) {
            behind.add(new Timed(second, sample));
            if (behind.size() == SET_BACK_SAMPLES) {
                setBack();
            }
            return;
        }
        late += behind.size();
        behind = new ArrayList<>();
        if (second <= newest - WAIT_S) {
            late++;
            return;
        }
        int place = waiting.size();
        while (place > 0 && waiting.get(place - 1).second >= second) {
            place--;
        }
        if (place < waiting.size() && waiting.get(place).second == second) {
            duplicates++;
            return;
        }
        waiting.add(place, new Timed(second, sample));
        newest = Math.max(newest, second);
        while (!waiting.isEmpty() && waiting.get(0).second <= newest - WAIT_S) {
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
            push(sample.second, sample.values);
        }
    }

    private void use(Timed sample) {
        if (stretch != null && sample.second - stretch.end() <= MAX_GAP_S) {
            stretch.add(sample);
        } else {
            finishStretch();
            target.begin(sample.second, last == null ? 0 : sample.second - last);
            stretch = new Stretch(sample);
        }
        last = sample.second;
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
        final double second;
        final double[] values;

        Timed(double second, double[] values) {
            this.second = second;
            this.values = values;
        }
    }

    /** Samples without a gap, on the grid of times that begins with the first of them. */
    private final class Stretch {
        private final double start;
        private final List<Timed> first = new ArrayList<>(); // until it is known how fast the sensor is
        private double rate;
        private double seconds; // of the newest, since the start
        private double[] values;
        private long given;
        private Decimator decimator;

        Stretch(Timed sample) {
            start = sample.second;
            values = sample.values;
            first.add(sample);
        }

        double end() {
            return first.isEmpty() ? start + seconds : start + (first.get(first.size() - 1).second - start);
        }

        void add(Timed next) {
            if (decimator != null) {
                use(next);
                return;
            }
            first.add(next);
            if (next.second - start >= LOOK_S) {
                decide();
            }
        }

        /** Give what is left, also the sample that lies on the grid but for rounding. */
        void finish() {
            if (decimator == null) {
                decide();
            }
            if (given / rate <= seconds + TOLERANCE / rate) {
                give(values);
            }
            decimator.finish();
        }

        /** How fast the sensor is, by its first samples; then go on with those. */
        private void decide() {
            int steps = first.size() - 1;
            double faster = steps / Math.max(first.get(steps).second - start, 1e-9) / FrontEnd.RATE_HZ;
            int factor = faster < CLEARLY_FASTER ? 1 : (int) Math.min(Math.max(2, Math.rint(faster)), MOST_TIMES_FASTER);
            rate = factor * FrontEnd.RATE_HZ;
            decimator = new Decimator(factor, target::take);
            give(values);
            for (Timed sample : first.subList(1, first.size())) {
                use(sample);
            }
            first.clear();
        }

        private void use(Timed next) {
            double after = next.second - start;
            for (double at = given / rate; at <= after; at = given / rate) {
                give(at == after ? next.values : between(at, after, next.values));
            }
            seconds = after;
            values = next.values;
        }

        private double[] between(double at, double after, double[] next) {
            double[] sample = new double[next.length];
            for (int i = 0; i < sample.length; i++) {
                double slope = (next[i] - values[i]) / (after - seconds);
                sample[i] = slope * (at - seconds) + values[i];
            }
            return sample;
        }

        private void give(double[] sample) {
            given++;
            decimator.push(sample);
        }
    }
}
