package haredge.core;

/** Filters several channels by one second-order section, with the order of operations of SciPy's {@code lfilter}. */
final class SecondOrderFilter {
    private final double[] c; // b0 b1 b2 a0 a1 a2, with a0 = 1
    private final double[][] state;

    SecondOrderFilter(double[] coefficients, int channels) {
        c = coefficients;
        state = new double[channels][2];
    }

    void reset() {
        for (double[] delays : state) {
            delays[0] = delays[1] = 0;
        }
    }

    double[] apply(double[] input) {
        double[] output = new double[input.length];
        for (int channel = 0; channel < input.length; channel++) {
            double x = input[channel];
            double[] z = state[channel];
            double y = z[0] + c[0] * x;
            z[0] = z[1] + c[1] * x - c[4] * y;
            z[1] = c[2] * x - c[5] * y;
            output[channel] = y;
        }
        return output;
    }
}
