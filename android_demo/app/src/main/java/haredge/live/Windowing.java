package haredge.live;

import haredge.core.Filters;
import haredge.core.FrontEnd;

/** Cuts windows of one uninterrupted stretch of samples, see {@code edge_runtime/signals/windowing.py}. */
final class Windowing {
    /** Takes a window: the time of its last sample, and its signals {@code [samples][9]}. */
    interface Target {
        void take(double second, double[][] signals);
    }

    private final double start;
    private final int size;
    private final int hop;
    private final Target target;
    private final FrontEnd frontEnd;
    private final double[][] ring; // the last signals
    private long signals;
    private long nextEnd;

    Windowing(int size, int hop, Filters filters, double start, Target target) {
        frontEnd = new FrontEnd(filters, true);
        this.size = size;
        this.hop = hop;
        this.start = start;
        this.target = target;
        ring = new double[size][];
        nextEnd = size;
    }

    void add(double[] sample) {
        keep(frontEnd.push(sample));
    }

    void finish() {
        keep(frontEnd.flush());
    }

    private void keep(double[] next) {
        if (next == null) {
            return;
        }
        ring[(int) (signals % size)] = next;
        signals++;
        if (signals == nextEnd) {
            double[][] window = new double[size][];
            for (int i = 0; i < size; i++) {
                window[i] = ring[(int) ((signals - size + i) % size)];
            }
            nextEnd += hop;
            target.take(start + (signals - 1) / FrontEnd.RATE_HZ, window);
        }
    }
}
