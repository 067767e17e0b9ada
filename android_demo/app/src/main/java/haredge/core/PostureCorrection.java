package haredge.core;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Corrects the logits of some postures for one person, by the way gravity points: {@code
 * edge_runtime/model/posture_correction.py}.
 */
final class PostureCorrection {
    private static final String[] GRAVITY = {"total_acc_x", "total_acc_y", "total_acc_z"};

    private final int[] rows;
    private final double[] middle;
    private final double[][] weights;
    private final int[] columns = new int[GRAVITY.length];

    /** From the record of {@code card}. */
    PostureCorrection(JSONObject record, Card card) throws JSONException {
        JSONArray learnt = record.getJSONArray("rows");
        rows = new int[learnt.length()];
        weights = new double[rows.length][];
        middle = three(record.getJSONArray("middle"));
        boolean fits = rows.length > 1 && record.getJSONArray("weights").length() == rows.length;
        for (int i = 0; fits && i < rows.length; i++) {
            rows[i] = learnt.getInt(i);
            weights[i] = three(record.getJSONArray("weights").getJSONArray(i));
            fits = rows[i] >= 0 && rows[i] < card.labels.size();
        }
        for (int axis = 0; axis < columns.length; axis++) {
            columns[axis] = card.signals.indexOf(GRAVITY[axis]);
            fits &= columns[axis] >= 0;
        }
        if (!fits) {
            throw new JSONException("its posture_correction does not fit its labels and signals");
        }
    }

    /** Correct {@code logits} of {@code window}; the choice is among the learnt activities only. */
    void apply(float[] logits, float[] window, int signals) {
        int answer = Classifier.argmax(logits);
        float before = Float.NEGATIVE_INFINITY;
        float after = Float.NEGATIVE_INFINITY;
        boolean corrected = false;
        float[] changed = new float[rows.length];
        double[] tilt = tilt(window, signals);
        for (int i = 0; i < rows.length; i++) {
            double correction = 0;
            for (int axis = 0; axis < tilt.length; axis++) {
                correction += tilt[axis] * weights[i][axis];
            }
            changed[i] = logits[rows[i]] + (float) correction;
            before = Math.max(before, logits[rows[i]]);
            after = Math.max(after, changed[i]);
            corrected |= rows[i] == answer;
        }
        // The greatest of them stays as great as it was: no window moves from or to another activity.
        for (int i = 0; corrected && i < rows.length; i++) {
            logits[rows[i]] = changed[i] + (before - after);
        }
    }

    /** The mean acceleration less the middle. */
    private double[] tilt(float[] window, int signals) {
        double[] tilt = new double[columns.length];
        for (int axis = 0; axis < tilt.length; axis++) {
            double sum = 0;
            for (int at = columns[axis]; at < window.length; at += signals) {
                sum += window[at];
            }
            tilt[axis] = sum / (window.length / signals) - middle[axis];
        }
        return tilt;
    }

    private static double[] three(JSONArray array) throws JSONException {
        if (array.length() != GRAVITY.length) {
            throw new JSONException("its posture_correction needs three numbers an activity");
        }
        return new double[] {array.getDouble(0), array.getDouble(1), array.getDouble(2)};
    }
}
