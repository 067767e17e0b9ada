package haredge.core;

import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Names activities that a placement cannot tell apart, see {@code edge_runtime/model/alike_labels.py}.
 *
 * <p>The app is not told where a phone is worn: they are alike to it wherever the phone is tilted backwards.
 */
public final class AlikeLabels {
    private static final double LEAST_TILT = Math.cos(Math.toRadians(45));
    private static final double WITHIN = Math.cos(Math.toRadians(60)); // of backwards

    /** The one answer that stands for them: {@code SITTING or LAYING}. */
    public final String name;

    /** Their places among the labels of the card. */
    public final int[] rows;

    /** From the card's record, for a model of {@code labels}. */
    AlikeLabels(JSONObject record, List<String> labels) throws JSONException {
        JSONArray alike = record.getJSONArray("labels");
        rows = new int[alike.length()];
        StringBuilder names = new StringBuilder();
        boolean fits = rows.length > 1;
        for (int i = 0; i < rows.length; i++) {
            rows[i] = labels.indexOf(alike.getString(i));
            names.append(i > 0 ? " or " : "").append(alike.getString(i));
            fits &= rows[i] >= 0;
        }
        if (!fits) {
            throw new JSONException("labels that look alike are at least two of its labels");
        }
        name = names.toString();
    }

    /** Whether {@code label}, a place among the labels, is one of them. */
    public boolean has(int label) {
        for (int row : rows) {
            if (row == label) {
                return true;
            }
        }
        return false;
    }

    /** Whether a phone is tilted backwards whose mean acceleration in the walking frame is {@code held}. */
    public static boolean leansBack(double[] held) {
        double level = Math.hypot(held[1], held[2]);
        double size = Math.sqrt(Mounting.dot(held, held));
        return held[0] < LEAST_TILT * size && held[1] > WITHIN * level;
    }
}
