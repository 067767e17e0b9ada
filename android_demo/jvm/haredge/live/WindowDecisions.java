package haredge.live;

import haredge.core.Classifier;
import haredge.core.InputError;
import java.util.Arrays;

/** Decides about windows that somebody else cut; tells how the phone is then taken to be worn. */
public final class WindowDecisions {
    private static final int AXES = 3;

    private final Decider decider;
    private Decision latest;

    public WindowDecisions(Classifier classifier) throws InputError {
        decider = new Decider(classifier, new LiveRecognizer.Listener() {
            @Override
            public void decided(Decision decision) {
                latest = decision;
            }

            @Override
            public void noticed(Notice notice) {
            }
        });
    }

    /** The decision about the next window {@code [samples][9]}, which ends at {@code seconds}. */
    public Decision decide(double[][] window, double seconds) {
        decider.decide(window, seconds, false, false);
        return latest;
    }

    /** The rotation into the walking frame, row after row; not a number where it is not known. */
    public double[] rotation() {
        double[] numbers = new double[AXES * AXES];
        Arrays.fill(numbers, Double.NaN);
        double[][] rotation = decider.rotation();
        for (int row = 0; rotation != null && row < AXES; row++) {
            System.arraycopy(rotation[row], 0, numbers, AXES * row, AXES);
        }
        return numbers;
    }
}
