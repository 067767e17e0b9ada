package haredge.live;

import haredge.core.FrontEnd;
import java.util.ArrayList;
import java.util.List;

/**
 * Samples as sensors deliver them to samples at 50 Hz, by their timestamps.
 *
 * <p>The rules of {@code edge_runtime/resampling.py}: a sample waits a moment for earlier ones, values are interpolated
 * linearly, after a gap a new stretch begins, and a clock that was set back is followed.
 */
final class Resampler {
    /** Takes what is complete. */
    interface Target {
        /**
         * A new stretch begins at {@code second}, after {@code gap} seconds without a sample: 0 at the very start,
         * negative where the clock was set back.
         */
        void begin(double second, double gap);

        /** The next sample at the fixed rate. */
        void take(double[] sample);
    }

    static final double WAIT_S = 0.06;

    private static final double MAX_GAP_S = 0.25;
    private static final double SET_BACK_S = 1.0;
    private static final int SET_BACK_SAMPLES = 5;
    private static final double TOLERANCE = 1e-6; // of the time between two samples

    private final Target target;
    private final double waitS;
    private final List<Timed> waiting = new ArrayList<>(); // in the order of their times
    private List<Timed> behind = new ArrayList<>();
    private double newest = Double.NEGATIVE_INFINITY;
    private Stretch stretch;
    private Double last;
    int duplicates;
    int late;

    Resampler(double waitS, Target target) {
        this.waitS = waitS;
        this.target = target;
    }

    void push(double second, double[] sample) {
        if (second < newest - SET_BACK_S) {
            behind.add(new Timed(second, sample));
            if (behind.size() == SET_BACK_SAMPLES) {
                setBack();
            }
            return;
        }
        late += behind.size();
        behind = new ArrayList<>();
        if (second <= newest - waitS) {
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
        while (!waiting.isEmpty() && waiting.get(0).second <= newest - waitS) {
            use(waiting.remove(0));
        }
    }

    /** End the stream: give what was still waiting. */
    void flush() {
        late += behind.size();
        behind = new ArrayList<>();
        end();
    }

    /** Go on with those that seemed to be behind. */
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
        private double seconds; // of the newest, since the start
        private double[] values;
        private long given;

        Stretch(Timed first) {
            start = first.second;
            values = first.values;
            give(first.values);
        }

        double end() {
            return start + seconds;
        }

        void add(Timed next) {
            double after = next.second - start;
            for (double at = given / FrontEnd.RATE_HZ; at <= after; at = given / FrontEnd.RATE_HZ) {
                give(at == after ? next.values : between(at, after, next.values));
            }
            seconds = after;
            values = next.values;
        }

        /** Give the sample that lies on the grid but for rounding, if the last one does. */
        void finish() {
            if (given / FrontEnd.RATE_HZ <= seconds + TOLERANCE / FrontEnd.RATE_HZ) {
                give(values);
            }
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
            target.take(sample);
        }
    }
}
