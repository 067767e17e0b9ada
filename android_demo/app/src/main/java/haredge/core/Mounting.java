package haredge.core;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Finds from walking how a phone is worn, as {@code edge_runtime/signals/mounting.py}; frames are up, ahead, left. */
public final class Mounting {
    public static final int BODY_GYRO = 3;

    /** The root mean square of body acceleration above which a window shows a body that moves. */
    public static final double MOVING_G = 0.1;

    private static final double LAG_S = 0.16; // from a push upwards until the push backwards that belongs to it
    private static final double SWAY_LAG_S = 0.06; // from a turn to one side until the push to the other
    private static final double DECIMALS = 1e6; // a rotation is rounded, so that it is the same on every machine
    private static final int STEPS = 20;
    private static final double NEAREST = 1e-2; // rad
    private static final int BODY_ACC = 0; // where the signals of the front end begin
    private static final int TOTAL_ACC = 6;

    private Mounting() {}

    public static boolean isMoving(double[][] window) {
        double sum = 0;
        for (double[] sample : window) {
            double[] body = triad(sample, BODY_ACC);
            sum += dot(body, body);
        }
        return sum / window.length > MOVING_G * MOVING_G;
    }

    /** The rotation into the walking frame, from {@code windows} of someone who walks, at least one. */
    public static double[][] walkingFrame(Collection<double[][]> windows) {
        double[] sum = new double[3];
        for (double[][] window : windows) {
            add(sum, meanAcceleration(window), 1.0 / windows.size());
        }
        double[] up = unit(sum);
        List<double[]> backwards = new ArrayList<>();
        for (double[][] window : windows) {
            backwards.add(backwards(window, up));
        }
        return frame(up, medianDirection(backwards));
    }

    public static double[][] ownFrame(double[][] window) {
        double[] up = unit(meanAcceleration(window));
        return frame(up, backwards(window, up));
    }

    /** Whether sway shows the {@code rotation} of {@code windows} of steps to have ahead behind. */
    public static boolean isTurnedRound(Collection<double[][]> windows, double[][] rotation) {
        int lag = (int) Math.round(SWAY_LAG_S * FrontEnd.RATE_HZ);
        double sum = 0;
        for (double[][] window : windows) {
            double[] turning = withoutMean(window, BODY_GYRO, rotation[0]);
            double[] pushed = withoutMean(window, BODY_ACC, rotation[2]);
            for (int i = lag; i < window.length; i++) {
                sum += turning[i - lag] * pushed[i];
            }
        }
        return sum > 0;
    }

    /** {@code window} turned by {@code rotation} at the axes of {@link Card#triads}, rounded to float32. */
    public static double[][] turned(double[][] window, double[][] rotation, int[] triads) {
        double[][] result = new double[window.length][];
        for (int i = 0; i < window.length; i++) {
            result[i] = window[i].clone();
            for (int first : triads) {
                for (int row = 0; row < 3; row++) {
                    result[i][first + row] = dot(rotation[row], triad(window[i], first));
                }
            }
            for (int signal = 0; signal < result[i].length; signal++) {
                result[i][signal] = (float) result[i][signal];
            }
        }
        return result;
    }

    public static double dot(double[] a, double[] b) {
        return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    }

    private static double[] cross(double[] a, double[] b) {
        return new double[] {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    }

    private static double[] backwards(double[][] window, double[] up) {
        int lag = (int) Math.round(LAG_S * FrontEnd.RATE_HZ);
        double[] sum = new double[3];
        for (int i = lag; i < window.length; i++) {
            double push = dot(triad(window[i - lag], BODY_ACC), up);
            double[] horizontal = triad(window[i], BODY_ACC);
            add(horizontal, up, -dot(horizontal, up));
            add(sum, horizontal, push);
        }
        return unit(sum);
    }

    private static double[] withoutMean(double[][] window, int first, double[] axis) {
        double[] along = new double[window.length];
        double mean = 0;
        for (int i = 0; i < window.length; i++) {
            along[i] = dot(triad(window[i], first), axis);
            mean += along[i] / window.length;
        }
        for (int i = 0; i < window.length; i++) {
            along[i] -= mean;
        }
        return along;
    }

    /** The unit vector that is least far from {@code directions} in all, by Weiszfeld's algorithm. */
    private static double[] medianDirection(List<double[]> directions) {
        double[] mean = new double[3];
        for (double[] direction : directions) {
            add(mean, direction, 1.0 / directions.size());
        }
        double[] median = unit(mean);
        for (int step = 0; step < STEPS; step++) {
            double[] sum = new double[3];
            for (double[] direction : directions) {
                double[] apart = direction.clone();
                add(apart, median, -1);
                add(sum, direction, 1 / Math.max(Math.sqrt(dot(apart, apart)), NEAREST));
            }
            median = unit(sum);
        }
        return median;
    }

    /** The rotation whose rows are up, ahead and left, of the unit vector {@code up} and a direction. */
    private static double[][] frame(double[] up, double[] back) {
        double[] ahead = {-back[0], -back[1], -back[2]};
        if (Math.sqrt(dot(ahead, ahead)) < 1e-9) {
            // Where nothing moves no direction is ahead: any will do, such as that of the axis which is least upright.
            ahead = new double[3];
            ahead[leastUpright(up)] = 1;
        }
        add(ahead, up, -dot(ahead, up));
        ahead = unit(ahead);
        double[][] frame = {up.clone(), ahead, cross(up, ahead)};
        for (double[] row : frame) {
            for (int axis = 0; axis < 3; axis++) {
                row[axis] = Math.rint(row[axis] * DECIMALS) / DECIMALS;
            }
        }
        return frame;
    }

    private static int leastUpright(double[] up) {
        int least = 0;
        for (int axis = 1; axis < 3; axis++) {
            least = Math.abs(up[axis]) < Math.abs(up[least]) ? axis : least;
        }
        return least;
    }

    private static double[] meanAcceleration(double[][] window) {
        double[] mean = new double[3];
        for (double[] sample : window) {
            add(mean, triad(sample, TOTAL_ACC), 1);
        }
        for (int axis = 0; axis < 3; axis++) {
            mean[axis] /= window.length;
        }
        return mean;
    }

    private static double[] triad(double[] sample, int first) {
        return new double[] {sample[first], sample[first + 1], sample[first + 2]};
    }

    private static void add(double[] sum, double[] vector, double factor) {
        for (int axis = 0; axis < 3; axis++) {
            sum[axis] += factor * vector[axis];
        }
    }

    private static double[] unit(double[] vector) {
        double length = Math.sqrt(dot(vector, vector));
        double divisor = length > 1e-12 ? length : 1;
        return new double[] {vector[0] / divisor, vector[1] / divisor, vector[2] / divisor};
    }
}
