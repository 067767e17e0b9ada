package haredge.core;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Normalises each signal: subtracts the mean, divides by the standard deviation, clips, compands around a knee.
 *
 * <p>Companding turns z into z gain / (|z| bend + knee), with 1, 0 and 1 where a signal is linear; see {@code
 * edge_runtime/signals/normalisation.py}.
 */
public final class Normalisation {
    final float[] mean;
    final float[] std;
    final float[] clip;
    final float[] gain;
    final float[] bend;
    final float[] knee;

    private Normalisation(int signals) {
        mean = new float[signals];
        std = new float[signals];
        clip = new float[signals];
        gain = new float[signals];
        bend = new float[signals];
        knee = new float[signals];
    }

    /** From the card's record of {@code signals} signals. */
    static Normalisation from(JSONObject record, int signals) throws JSONException {
        Normalisation made = new Normalisation(signals);
        JSONArray knees = record.getJSONArray("knee");
        for (String key : new String[] {"mean", "std", "clip", "knee"}) {
            if (record.getJSONArray(key).length() != signals) {
                throw new JSONException("it needs one " + key + " for each of its " + signals + " signals");
            }
        }
        for (int i = 0; i < signals; i++) {
            made.mean[i] = (float) record.getJSONArray("mean").getDouble(i);
            made.std[i] = positive(record.getJSONArray("std").getDouble(i));
            double clip = record.getJSONArray("clip").getDouble(i);
            made.clip[i] = positive(clip);
            boolean linear = knees.isNull(i);
            double knee = linear ? 1 : knees.getDouble(i);
            made.gain[i] = linear ? 1 : (float) (clip + knee);
            made.bend[i] = linear ? 0 : 1;
            made.knee[i] = positive(knee);
        }
        return made;
    }

    /** The network's input for {@code value}, a float32 of the signal {@code signal} in physical units. */
    float apply(float value, int signal) {
        float scaled = (value - mean[signal]) / std[signal];
        scaled = Math.max(Math.min(scaled, clip[signal]), -clip[signal]);
        return scaled * gain[signal] / (Math.abs(scaled) * bend[signal] + knee[signal]);
    }

    private static float positive(double value) throws JSONException {
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new JSONException("its normalisation needs std, clip and knee above 0");
        }
        return (float) value;
    }
}
