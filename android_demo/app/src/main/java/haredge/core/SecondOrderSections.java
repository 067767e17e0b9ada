package haredge.core;

/** Filters channels by second-order sections, in the order of operations of SciPy's {@code sosfilt}. */
final class SecondOrderSections {
    private final double[][] sections; // b0 b1 b2 a0 a1 a2, with a0 = 1
    private final double[][][] state; // section, channel, two delays

    SecondOrderSections(double[][] sections, int channels) {
        this.sections = sections;
        this.state = new double[sections.length][channels][2];
    }

    void reset() {
        for (double[][] section : state) {
            for (double[] delays : section) {
                delays[0] = delays[1] = 0;
            }
        }
    }

    /** Put the delays where an endless input of {@code values} leaves them; {@code settled} is for an input of 1. */
    void settle(double[][] settled, double[] values) {
        for (int i = 0; i < state.length; i++) {
            for (int channel = 0; channel < state[i].length; channel++) {
                state[i][channel][0] = settled[i][0] * values[channel];
                state[i][channel][1] = settled[i][1] * values[channel];
            }
        }
    }

    double[] apply(double[] input) {
        double[] output = new double[input.length];
        for (int channel = 0; channel < input.length; channel++) {
            double x = input[channel];
            for (int i = 0; i < sections.length; i++) {
                double[] c = sections[i];
                double[] z = state[i][channel];
                double y = c[0] * x + z[0];
                z[0] = c[1] * x - c[4] * y + z[1];
                z[1] = c[2] * x - c[5] * y;
                x = y;
            }
            output[channel] = x;
        }
        return output;
    }
}
