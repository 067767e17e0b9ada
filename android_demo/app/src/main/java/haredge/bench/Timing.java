package haredge.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;

/** Times calls one by one, as {@code edge_runtime/bench/timing.py} does it: raw times are kept. */
final class Timing {
    /** The length of a warm-up, and the median call of its last block. */
    static final class Warmth {
        int calls;
        double seconds;
        boolean stable;
        double medianNs;
    }

    private static final double BLOCK_SECONDS = 0.02;
    private static final int BLOCK_CALLS = 5;
    private static final int STABLE_BLOCKS = 3;
    private static final double TOLERANCE = 0.03;
    private static final int LEAST_CALLS = 3;

    private Timing() {}

    /** Nanoseconds of {@code n} calls with {@code inputs} places in turn, from {@code first} on, after an untimed call. */
    static long[] calls(IntConsumer call, int inputs, int n, int first) {
        long[] times = new long[n];
        call.accept(first % inputs);
        for (int i = 0; i < n; i++) {
            int place = (first + i) % inputs;
            long began = System.nanoTime();
            call.accept(place);
            times[i] = System.nanoTime() - began;
        }
        return times;
    }

    static void sleepUntil(long due) {
        try {
            TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    /** Call until the medians of some blocks agree: for {@code least} seconds at least, {@code most} at most. */
    static Warmth warmUp(IntConsumer call, int inputs, double least, double most) {
        Warmth warmth = new Warmth();
        List<Double> medians = new ArrayList<>();
        List<Long> block = new ArrayList<>();
        long began = System.nanoTime();
        long before = began;
        long blockBegan = began;
        while (warmth.calls < LEAST_CALLS || before - began < most * 1e9) {
            call.accept(warmth.calls % inputs);
            long now = System.nanoTime();
            block.add(now - before);
            warmth.calls++;
            before = now;
            if (block.size() >= BLOCK_CALLS && now - blockBegan >= BLOCK_SECONDS * 1e9) {
                medians.add(median(block));
                block.clear();
                blockBegan = now;
                List<Double> last = medians.subList(Math.max(0, medians.size() - STABLE_BLOCKS), medians.size());
                warmth.stable = last.size() == STABLE_BLOCKS
                        && Collections.max(last) <= (1 + TOLERANCE) * Collections.min(last);
                if (warmth.stable && now - began >= least * 1e9) {
                    break;
                }
            }
        }
        warmth.seconds = (before - began) / 1e9;
        warmth.medianNs = medians.isEmpty() ? median(block) : medians.get(medians.size() - 1);
        return warmth;
    }

    /** Nanoseconds that timing adds to a call: the median time of a call that does nothing. */
    static double overhead() {
        return median(Arrays.stream(calls(place -> {}, 1, 2000, 0)).boxed().collect(Collectors.toList()));
    }

    private static double median(List<Long> values) {
        List<Long> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        int middle = sorted.size() / 2;
        return (sorted.get(middle) + sorted.get((sorted.size() - 1) / 2)) / 2.0;
    }
}
