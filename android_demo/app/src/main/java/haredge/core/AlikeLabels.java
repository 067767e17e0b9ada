package haredge.core;

import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import org.json.JSONException;
import org.json.JSONObject;

/** Names activities that look alike where a phone tilts backwards: {@code edge_runtime/model/alike_labels.py}. */
public final class AlikeLabels {
    private static final double LEAST_TILT = Math.cos(Math.toRadians(45));
    private static final double WITHIN = Math.cos(Math.toRadians(60)); // of backwards

    public final String name;

    public final int[] rows;

    public final List<String> placements;

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
