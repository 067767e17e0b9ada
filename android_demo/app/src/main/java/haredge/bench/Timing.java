package haredge.bench;

import java.util.Arrays;

/** Times calls one by one, as {@code edge_runtime/bench/timing.py} does it: raw times are kept. */
final class Timing {
    /** Does something with the input of this place. */
    interface Call {
        void on(int place);
    }

    /** Hears the share that is done. */
    interface Progress {
        void at(double share);
    }

    /** Time as a device has it; tests have another. */
    static class Clock {
        /** Nanoseconds from an arbitrary start, never going back. */
        long nanos() {
            return System.nanoTime();
        }

        void sleep(long nanos) {
            try {
                Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What a warm-up took, and the median call of its last block. */
    static final class Warmth {
        final int calls;
        final double seconds;
        final boolean stable;
        final double medianNs;

        Warmth(int calls, double seconds, boolean stable, double medianNs) {
            this.calls = calls;
            this.seconds = seconds;
            this.stable = stable;
            this.medianNs = medianNs;
        }
    }

    private static final int CHUNKS = 10;
    private static final long LONGEST_SILENCE_NS = 20_000_000_000L;
    private static final double BLOCK_SECONDS = 0.02;
    private static final int BLOCK_CALLS = 5;
    private static final int STABLE_BLOCKS = 3;
    private static final double TOLERANCE = 0.03;
    private static final int LEAST_CALLS = 3;

    private final Clock clock;

    Timing(Clock clock) {
        this.clock = clock;
    }

    /** Nanoseconds of each of {@code runs} calls, taking {@code inputs} places in turn. */
    long[] calls(Call call, int inputs, int runs, Progress progress) {
        long[] times = new long[runs];
        int chunks = Math.min(runs, CHUNKS);
        System.gc();
        for (int chunk = 0; chunk < chunks; chunk++) {
            int start = (int) ((long) runs * chunk / chunks);
            int stop = (int) ((long) runs * (chunk + 1) / chunks);
            call.on(start % inputs); // untimed: what the report pushed out of the caches does not count
            long due = clock.nanos() + LONGEST_SILENCE_NS;
            for (int i = start; i < stop; i++) {
                int place = i % inputs;
                long began = clock.nanos();
                call.on(place);
                long ended = clock.nanos();
                times[i] = ended - began;
                if (ended > due) {
                    progress.at((i + 1.0) / runs);
                    call.on(place);
                    due = clock.nanos() + LONGEST_SILENCE_NS;
                }
            }
            progress.at((double) stop / runs);
        }
        return times;
    }

    /** The same, {@code period} seconds apart and asleep in between. */
    long[] paced(Call call, int inputs, int runs, double period, Progress progress) {
        long[] times = new long[runs];
        System.gc();
        long due = clock.nanos();
        for (int i = 0; i < runs; i++) {
            due += (long) (period * 1e9);
            clock.sleep(Math.max(0, due - clock.nanos()));
            long began = clock.nanos();
            call.on(i % inputs);
            times[i] = clock.nanos() - began;
            progress.at((i + 1.0) / runs);
        }
        return times;
    }

    /** Call until the medians of some blocks agree: for {@code least} seconds at least, {@code most} at most. */
    Warmth warmUp(Call call, int inputs, double least, double most) {
        long began = clock.nanos();
        long before = began;
        double[] medians = new double[0];
        long[] block = new long[0];
        long blockNs = 0;
        int calls = 0;
        boolean stable = false;
        while (calls < LEAST_CALLS || before - began < most * 1e9) {
            call.on(calls % inputs);
            long now = clock.nanos();
            block = Arrays.copyOf(block, block.length + 1);
            block[block.length - 1] = now - before;
            blockNs += now - before;
            calls++;
            before = now;
            if (block.length >= BLOCK_CALLS && blockNs >= BLOCK_SECONDS * 1e9) {
                medians = Arrays.copyOf(medians, medians.length + 1);
                medians[medians.length - 1] = median(block);
                block = new long[0];
                blockNs = 0;
                stable = agree(medians);
                if (stable && now - began >= least * 1e9) {
                    break;
                }
            }
        }
        double last = medians.length > 0 ? medians[medians.length - 1] : median(block);
        return new Warmth(calls, (before - began) / 1e9, stable, last);
    }

    /** Nanoseconds that timing adds to a call: the median time of a call that does nothing. */
    double overhead() {
        return median(calls(place -> {}, 1, 2000, share -> {}));
    }

    static double median(long[] values) {
        long[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
    }

    private static boolean agree(double[] medians) {
        if (medians.length < STABLE_BLOCKS) {
            return false;
        }
        double[] last = Arrays.copyOfRange(medians, medians.length - STABLE_BLOCKS, medians.length);
        Arrays.sort(last);
        return last[STABLE_BLOCKS - 1] <= (1 + TOLERANCE) * last[0];
    }
}
