package haredge.live;

/** Decimates a fast sensor's samples, without aliases: {@code edge_runtime/signals/resampling.py}. */
final class Decimator {
    interface Target {
        void take(double[] sample);
    }

    private static final int HALF = 8; // samples at the lower rate
    private static final double HAMMING = 0.54;

    private final int factor;
    private final Target target;
    private final double[] taps;
    private final double[][] ring; // the last samples
    private long taken;
    private double[] last;

    Decimator(int factor, Target target) {
        this.factor = factor;
        this.target = target;
        int n = factor == 1 ? 1 : 2 * HALF * factor + 1;
        taps = new double[n];
        ring = new double[n][];
        double sum = 0;
        for (int i = 0; i < n; i++) {
            int place = i - n / 2;
            double x = Math.PI * ((double) place / factor);
            double window = HAMMING + (1 - HAMMING) * Math.cos(Math.PI * place / (HALF * factor));
            taps[i] = (x == 0 ? 1 : Math.sin(x) / x) * window;
            sum += taps[i];
        }
        for (int i = 0; i < n; i++) {
            taps[i] /= sum;
        }
    }

    void push(double[] sample) {
        if (last == null) {
            for (int i = 0; i < taps.length / 2; i++) {
                keep(sample);
            }
        }
        last = sample;
        keep(sample);
    }

    void finish() {
        for (int i = 0; last != null && i < taps.length / 2; i++) {
            keep(last);
        }
    }

    private void keep(double[] sample) {
        ring[(int) (taken % taps.length)] = sample;
        taken++;
        if (taken < taps.length || (taken - taps.length) % factor != 0) {
            return;
        }
        double[] sum = new double[sample.length];
        for (int j = 0; j < taps.length; j++) {
            double[] x = ring[(int) ((taken + j) % taps.length)];
            for (int i = 0; i < sum.length; i++) {
                sum[i] += taps[j] * x[i];
            }
        }
        target.take(sum);
    }
}
