package haredge.core;

import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Corrects the logits for one person: {@code edge_runtime/model/personal_correction.py}. */
final class PersonalCorrection {
    private static final String[] GRAVITY = {"total_acc_x", "total_acc_y", "total_acc_z"};
    private static final double UNIT_G = 0.07;
    private static final double UNIT_SPREAD = 3.0;
    private static final double UNIT_CORRELATION = 0.25;
    private static final double FLOOR = 5e-3;
    private static final double FAINT = 0.02;
    private static final double LAG_S = 0.16;

    private final int lag; // samples
    private final double[] middle;
    private final double[][] weights;
    private final double[] lowest;
    private final double[] highest;
    private final List<Integer> gravity = new ArrayList<>();
    private final List<Integer> moving = new ArrayList<>();

    PersonalCorrection(JSONObject record, Card card) throws JSONException {
        for (String signal : GRAVITY) {
            gravity.add(card.signals.indexOf(signal));
        }
        for (int column = 0; column < card.signals.size(); column++) {
            if (card.signals.get(column).startsWith("body_")) {
                moving.add(column);
            }
        }
        int features = gravity.size() + moving.size() * (1 + moving.size());
        int labels = card.labels.size();
        middle = numbers(record.getJSONArray("middle"), features);
        lowest = numbers(record.getJSONArray("lowest"), labels);
        highest = numbers(record.getJSONArray("highest"), labels);
        JSONArray rows = record.getJSONArray("weights");
        if (rows.length() != labels || gravity.contains(-1) || Double.isNaN(card.rateHz)) {
            throw misfit();
        }
        lag = (int) Math.max(1, Math.rint(LAG_S * card.rateHz));
        weights = new double[labels][];
        for (int label = 0; label < labels; label++) {
            weights[label] = numbers(rows.getJSONArray(label), features);
        }
    }

    /** Correct {@code logits} of {@code window}, which has so many {@code signals}. */
    void apply(float[] logits, float[] window, int signals) {
        double[] look = look(window, signals);
        for (int label = 0; label < logits.length; label++) {
            double correction = 0;
            for (int i = 0; i < look.length; i++) {
                correction += (look[i] - middle[i]) * weights[label][i];
            }
            logits[label] += (float) Math.max(lowest[label], Math.min(highest[label], correction));
        }
    }

    /** How a window looks: mean acceleration, spread of each movement, and correlation of each with each later. */
    private double[] look(float[] window, int signals) {
        double[] look = new double[middle.length];
        int at = 0;
        for (int column : gravity) {
            look[at++] = mean(window, column, signals) / UNIT_G;
        }
        int samples = window.length / signals;
        double[][] scaled = new double[moving.size()][samples];
        for (int i = 0; i < scaled.length; i++) {
            double mean = mean(window, moving.get(i), signals);
            double squares = 0;
            for (int t = 0; t < samples; t++) {
                scaled[i][t] = window[t * signals + moving.get(i)] - mean;
                squares += scaled[i][t] * scaled[i][t];
            }
            double spread = Math.sqrt(squares / samples);
            for (int t = 0; t < samples; t++) {
                scaled[i][t] /= spread + FAINT;
            }
            look[at++] = Math.log(spread + FLOOR) / UNIT_SPREAD;
        }
        for (double[] before : scaled) {
            for (double[] after : scaled) {
                double sum = 0;
                for (int t = 0; t + lag < samples; t++) {
                    sum += before[t] * after[t + lag];
                }
                look[at++] = sum / samples / UNIT_CORRELATION;
            }
        }
        return look;
    }

    private static double mean(float[] window, int column, int signals) {
        double sum = 0;
        for (int at = column; at < window.length; at += signals) {
            sum += window[at];
        }
        return sum / (window.length / signals);
    }

    private static double[] numbers(JSONArray array, int length) throws JSONException {
        if (array.length() != length) {
            throw misfit();
        }
        double[] numbers = new double[length];
        for (int i = 0; i < length; i++) {
            numbers[i] = array.getDouble(i);
        }
        return numbers;
    }

    private static JSONException misfit() {
        return new JSONException("its personal_correction does not fit its labels, signals and rate");
    }
}
