package haredge.bench;

import java.util.Arrays;
import java.util.function.DoubleConsumer;
import java.util.function.IntConsumer;

/** Times calls one by one, as {@code edge_runtime/bench/timing.py} does it: raw times are kept. */
final class Timing {
    /** The length of a warm-up, and the median call of its last block. */
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

    private Timing() {}

    /** Nanoseconds of each of {@code runs} calls, taking {@code inputs} places in turn. */
    static long[] calls(IntConsumer call, int inputs, int runs, DoubleConsumer progress) {
        long[] times = new long[runs];
        int chunks = Math.min(runs, CHUNKS);
        System.gc();
        for (int chunk = 0; chunk < chunks; chunk++) {
            int start = (int) ((long) runs * chunk / chunks);
            int stop = (int) ((long) runs * (chunk + 1) / chunks);
            call.accept(start % inputs); // untimed: the report may have emptied the caches
            long due = System.nanoTime() + LONGEST_SILENCE_NS;
            for (int i = start; i < stop; i++) {
                int place = i % inputs;
                long began = System.nanoTime();
                call.accept(place);
                long ended = System.nanoTime();
                times[i] = ended - began;
                if (ended > due) {
                    progress.accept((i + 1.0) / runs);
                    call.accept(place);
                    due = System.nanoTime() + LONGEST_SILENCE_NS;
                }
            }
            progress.accept((double) stop / runs);
        }
        return times;
    }

    /** The same, {@code period} seconds apart and asleep in between. */
    static long[] paced(IntConsumer call, int inputs, int runs, double period, DoubleConsumer progress) {
        long[] times = new long[runs];
        System.gc();
        long due = System.nanoTime();
        for (int i = 0; i < runs; i++) {
            due += (long) (period * 1e9);
            long left = Math.max(0, due - System.nanoTime());
            try {
                Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
            long began = System.nanoTime();
            call.accept(i % inputs);
            times[i] = System.nanoTime() - began;
            progress.accept((i + 1.0) / runs);
        }
        return times;
    }

    /** Call until the medians of some blocks agree: for {@code least} seconds at least, {@code most} at most. */
    static Warmth warmUp(IntConsumer call, int inputs, double least, double most) {
        long began = System.nanoTime();
        long before = began;
        double[] medians = new double[0];
        long[] block = new long[0];
        long blockNs = 0;
        int calls = 0;
        boolean stable = false;
        while (calls < LEAST_CALLS || before - began < most * 1e9) {
            call.accept(calls % inputs);
            long now = System.nanoTime();
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
    static double overhead() {
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
