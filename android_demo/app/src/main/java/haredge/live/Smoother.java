package haredge.live;

import java.util.Arrays;
import org.json.JSONException;
import org.json.JSONObject;

/** Smooths the answers of successive windows into one activity, as {@code edge_runtime/live/smoothing.py}. */
final class Smoother {
    static final class Settings {
        final double evidence;
        final double changeStill;
        final double changeMoving;
        final double movement;
        final double confidence;

        /** From the card's record; without one, the defaults of every new card. */
        Settings(JSONObject record) throws JSONException {
            boolean given = record != null;
            evidence = given ? record.getDouble("evidence") : 0.5;
            changeStill = given ? record.getDouble("change_still") : 0.001;
            changeMoving = given ? record.getDouble("change_moving") : 0.7;
            movement = given ? record.getDouble("movement") : 0.045;
            confidence = given ? record.getDouble("confidence") : 0.8;
        }
    }

    static final int NONE = -1;

    private static final double LEAST = 1e-6; // a probability below this is a network's over-confidence

    private final Settings settings;
    private final double periodS; // from one window to the next, which the settings are for
    private double[] probabilities;
    private int current = NONE;
    private boolean certain; // of the current activity, since it was last unknown

    Smoother(Settings settings, int labels, double periodS) {
        this.settings = settings;
        this.periodS = periodS;
        probabilities = new double[labels];
        Arrays.fill(probabilities, 1.0 / labels);
    }

    double[] probabilities() {
        return probabilities.clone();
    }

    /** Take a window's probabilities; give the activity to report, {@link #NONE} as long as there is none. */
    int update(float[] window, double seconds, boolean moving, boolean[] cannotBegin) {
        predict(seconds, moving);
        double[] likelihood = new double[window.length];
        for (int i = 0; i < window.length; i++) {
            likelihood[i] = Math.max(window[i], LEAST);
        }
        if (!cannotBegin[argmax(likelihood)]) {
            double exponent = settings.evidence * Math.min(1.0, seconds / periodS);
            double sum = 0;
            double[] posterior = new double[window.length];
            for (int i = 0; i < window.length; i++) {
                posterior[i] = probabilities[i] * Math.pow(likelihood[i], exponent);
                sum += posterior[i];
            }
            for (int i = 0; i < window.length; i++) {
                posterior[i] /= sum;
            }
            probabilities = posterior;
        }
        int likeliest = argmax(probabilities);
        if (probabilities[likeliest] >= settings.confidence && !cannotBegin[likeliest]) {
            current = likeliest;
        }
        return current;
    }

    /** The activity to show after the last window; {@link #NONE} from a rejection until it is probable again. */
    int shown(boolean rejected) {
        boolean probable = current != NONE && probabilities[current] >= settings.confidence;
        certain = !rejected && (certain || probable);
        return certain ? current : NONE;
    }

    private void predict(double seconds, boolean moving) {
        double chance = moving ? settings.changeMoving : settings.changeStill;
        double change = 1 - Math.pow(1 - chance, seconds / periodS);
        double[] next = new double[probabilities.length];
        for (int i = 0; i < next.length; i++) {
            double others = (1 - probabilities[i]) / (next.length - 1);
            next[i] = (1 - change) * probabilities[i] + change * others;
        }
        probabilities = next;
    }

    private static int argmax(double[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }
}
