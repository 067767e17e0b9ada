package haredge.live;

import java.util.ArrayList;
import java.util.List;

/** Finds a gyroscope of other axes than the accelerometer's, once: {@code edge_runtime/signals/gyroscope_axes.py}. */
final class AxesWatch {
    private static final double SLOWEST = 0.1; // g/s
    private static final double FASTEST = 3.0;
    private static final double CALM_G = 0.2;
    private static final int SIDE = 25; // samples
    private static final int ENOUGH = 100; // samples
    private static final double LEAST = 0.85;
    private static final double MARGIN = 0.4;
    private static final int[][] ORDERS = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    private final List<double[]> recent = new ArrayList<>();
    private final List<double[]> turns = new ArrayList<>(); // change of gravity, gravity, rotation
    private boolean isTold;
    private int seen;

    /** Begin another stretch, without a gap in it. */
    void begin() {
        recent.clear();
        seen = 0;
    }

    /** Take a sample at 50 Hz; tell whether other axes show now. */
    boolean shows(double[] sample) {
        recent.add(sample.clone());
        seen++;
        if (recent.size() < 6 * SIDE) {
            return false;
        }
        double[][] smooth = new double[6 * SIDE][];
        double[] squares = new double[6 * SIDE];
        for (int i = SIDE; i < 5 * SIDE; i++) {
            smooth[i] = new double[6];
            for (int channel = 0; channel < 6; channel++) {
                for (int k = i - SIDE; k <= i + SIDE; k++) {
                    smooth[i][channel] += recent.get(k)[channel] / (2 * SIDE + 1);
                }
                squares[i] += channel < 3 ? Math.pow(recent.get(i)[channel] - smooth[i][channel], 2) : 0;
            }
        }
        for (int i = 2 * SIDE; i < 4 * SIDE; i++) {
            double movement = 0;
            for (int k = i - SIDE; k <= i + SIDE; k++) {
                movement += squares[k] / (2 * SIDE + 1);
            }
            double[] turn = new double[9];
            System.arraycopy(smooth[i], 0, turn, 3, 6);
            for (int axis = 0; axis < 3; axis++) {
                turn[axis] = (smooth[i + 1][axis] - smooth[i - 1][axis]) * 25;
            }
            double size = Math.sqrt(turn[0] * turn[0] + turn[1] * turn[1] + turn[2] * turn[2]);
            if (size > SLOWEST && size < FASTEST && movement < CALM_G * CALM_G) {
                turns.add(turn);
            }
        }
        recent.subList(0, 2 * SIDE).clear();
        boolean showsNow = turns.size() >= ENOUGH && !isTold && hasOtherAxes();
        isTold |= showsNow;
        if (turns.size() >= ENOUGH) {
            turns.clear();
        }
        return showsNow;
    }

    private boolean hasOtherAxes() {
        double own = correlation(ORDERS[0], 0);
        double best = -1;
        for (int place = 1; place < 8 * ORDERS.length; place++) {
            best = Math.max(best, correlation(ORDERS[place / 8], place % 8));
        }
        return best > Math.max(LEAST, own + MARGIN);
    }

    /** How gravity goes with a gyroscope whose axes are {@code order}, those of the bits {@code signs} negated. */
    private double correlation(int[] order, int signs) {
        double together = 0;
        double changes = 0;
        double expectations = 0;
        for (double[] turn : turns) {
            double[] rotation = new double[3];
            for (int axis = 0; axis < 3; axis++) {
                rotation[axis] = turn[6 + order[axis]] * ((signs >> axis & 1) == 0 ? 1 : -1);
            }
            for (int axis = 0; axis < 3; axis++) {
                int next = (axis + 1) % 3;
                int last = (axis + 2) % 3;
                double expected = turn[3 + next] * rotation[last] - turn[3 + last] * rotation[next];
                together += turn[axis] * expected;
                changes += turn[axis] * turn[axis];
                expectations += expected * expected;
            }
        }
        double size = Math.sqrt(changes * expectations);
        return size > 0 ? together / size : 0;
    }

    /** Samples of this stretch so far. */
    int seen() {
        return seen;
    }
}
