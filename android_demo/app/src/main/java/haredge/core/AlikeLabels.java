package haredge.core;

import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
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

    /** Where a phone is worn that cannot tell them apart. */
    public final List<String> placements;

    /** From the card's record, for a model of {@code labels}. */
    AlikeLabels(JSONObject record, List<String> labels) throws JSONException {
        List<String> names = Card.texts(record.getJSONArray("labels"));
        placements = Card.texts(record.getJSONArray("placements"));
        boolean areKnown = new HashSet<>(names).size() > 1 && labels.containsAll(names);
        if (!areKnown || placements.isEmpty() || placements.contains("")) {
            throw new JSONException("labels that look alike are at least two of its labels, with a placement");
        }
        rows = names.stream().mapToInt(labels::indexOf).toArray();
        name = names.stream().collect(Collectors.joining(" or "));
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
