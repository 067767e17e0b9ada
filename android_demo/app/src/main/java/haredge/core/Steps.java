package haredge.core;

/** Measures how many steps a second someone takes, as {@code edge_runtime/signals/steps.py}. */
public final class Steps {
    private static final double GRID_HZ = 0.05;
    private static final double[] SINES = new double[(int) Math.round(FrontEnd.RATE_HZ / GRID_HZ)]; // of one period
    private static final int SLOWEST = 24; // of the grid: 1.2 Hz
    private static final int FASTEST = 80; // 4 Hz
    private static final double LEAST_HALF = 0.2; // of the power of the strongest beat
    private static final int TOTAL_ACC = 6; // where the signals of the front end begin

    static {
        for (int i = 0; i < SINES.length; i++) {
            SINES[i] = Math.sin(2 * Math.PI * i / SINES.length);
        }
    }

    private Steps() {}

    /** Steps a second (Hz) in a window {@code [samples][9]}; 0 where nobody moves. */
    public static double frequency(double[][] window) {
        double[] sizes = sizes(window);
        double variance = 0;
        for (double size : sizes) {
            variance += size * size / sizes.length;
        }
        if (Math.sqrt(variance) < Mounting.MOVING_G) {
            return 0;
        }
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] *= taper(i, sizes.length);
        }
        double[] power = new double[FASTEST - SLOWEST + 1];
        int strongest = 0;
        for (int i = 0; i < power.length; i++) {
            power[i] = power(sizes, SLOWEST + i);
            strongest = power[i] > power[strongest] ? i : strongest;
        }
        int half = (strongest + SLOWEST) / 2 - SLOWEST; // below 0 it is too slow for steps
        boolean isTwice = half >= 0 && power[half] > LEAST_HALF * power[strongest];
        return GRID_HZ * (SLOWEST + (isTwice ? half : strongest));
    }

    private static double[] sizes(double[][] window) {
        double[] sizes = new double[window.length];
        double mean = 0;
        for (int i = 0; i < sizes.length; i++) {
            double squares = 0;
            for (int axis = TOTAL_ACC; axis < TOTAL_ACC + 3; axis++) {
                squares += window[i][axis] * window[i][axis];
            }
            sizes[i] = Math.sqrt(squares);
            mean += sizes[i] / sizes.length;
        }
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] -= mean;
        }
        return sizes;
    }

    private static double taper(int i, int samples) {
        return samples == 1 ? 1 : 0.5 - 0.5 * Math.cos(2 * Math.PI * i / (samples - 1));
    }

    private static double power(double[] values, int frequency) {
        double cosine = 0;
        double sine = 0;
        for (int i = 0; i < values.length; i++) {
            int place = i * frequency % SINES.length;
            sine += values[i] * SINES[place];
            cosine += values[i] * SINES[(place + SINES.length / 4) % SINES.length];
        }
        return cosine * cosine + sine * sine;
    }
}
