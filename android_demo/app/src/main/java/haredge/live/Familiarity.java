package haredge.live;

import haredge.core.Card;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Whether a moment looks like the activity that a network names, see {@code edge_runtime/model/novelty.py}.
 *
 * <p>How the phone is held is compared with typical ways of each activity, how much it moves by Mahalanobis's distance,
 * and how little it turns with the least of anybody alive.
 */
final class Familiarity {
    /** For each activity: what of the moment is far from it, and what is next to impossible in it. */
    static final class Judgement {
        final boolean[] farPosture;
        final boolean[] farMovement;
        final boolean[] strangePosture;
        final boolean[] strangeMovement;
        boolean atRest; // moves less than someone alive

        Judgement(int labels) {
            farPosture = new boolean[labels];
            farMovement = new boolean[labels];
            strangePosture = new boolean[labels];
            strangeMovement = new boolean[labels];
        }
    }

    private static final int LATELY = 64; // samples: 1.28 s
    private static final double FLOOR = 2e-3; // g, rad/s: below, a standard deviation is the sensor's noise
    private static final int TOTAL_ACC = 6; // where the signals of the front end begin
    private static final int BODY_GYRO = 3;

    private final List<Usual> posture = new ArrayList<>();
    private final List<Usual> movement = new ArrayList<>();
    private final boolean gyroscope;
    private final double rest; // rad/s

    /** From the card's record. */
    Familiarity(JSONObject record, Card card) throws JSONException {
        gyroscope = card.usesGyroscope();
        JSONArray held = record.getJSONArray("posture");
        JSONArray moved = record.getJSONArray("movement");
        if (held.length() != card.labels.size() || moved.length() != card.labels.size()) {
            throw new JSONException("it needs postures and movements of each activity");
        }
        for (int i = 0; i < held.length(); i++) {
            posture.add(new Postures(held.getJSONObject(i)));
            movement.add(new Movements(moved.getJSONObject(i), gyroscope ? 2 : 1));
        }
        rest = record.isNull("rest") ? 0 : record.getDouble("rest"); // nothing turns less than not at all
        if (rest > 0 && !gyroscope) {
            throw new JSONException("it says how little rotation is rest, and its signals have none");
        }
    }

    /** Compare the end of a window of all signals {@code [samples][9]} with every activity. */
    Judgement judge(double[][] signals) {
        Judgement judgement = new Judgement(posture.size());
        double[] moved = new double[gyroscope ? 2 : 1];
        moved[0] = Math.log(spread(signals, TOTAL_ACC) + FLOOR);
        if (gyroscope) {
            double rotation = spread(signals, BODY_GYRO);
            moved[1] = Math.log(rotation + FLOOR);
            judgement.atRest = rotation < rest;
        }
        double[] held = {mean(signals, TOTAL_ACC), mean(signals, TOTAL_ACC + 1), mean(signals, TOTAL_ACC + 2)};
        for (int i = 0; i < posture.size(); i++) {
            double ofPosture = posture.get(i).distance(held);
            double ofMovement = movement.get(i).distance(moved);
            judgement.farPosture[i] = ofPosture > posture.get(i).far;
            judgement.farMovement[i] = ofMovement > movement.get(i).far;
            judgement.strangePosture[i] = ofPosture > posture.get(i).strange;
            judgement.strangeMovement[i] = ofMovement > movement.get(i).strange;
        }
        return judgement;
    }

    /** How much the three signals from {@code first} on varied. */
    private static double spread(double[][] signals, int first) {
        double sum = 0;
        for (int axis = first; axis < first + 3; axis++) {
            double mean = mean(signals, axis);
            double squares = 0;
            for (int i = signals.length - LATELY; i < signals.length; i++) {
                squares += (signals[i][axis] - mean) * (signals[i][axis] - mean);
            }
            sum += Math.sqrt(squares / LATELY);
        }
        return sum / 3;
    }

    private static double mean(double[][] signals, int column) {
        double sum = 0;
        for (int i = signals.length - LATELY; i < signals.length; i++) {
            sum += signals[i][column];
        }
        return sum / LATELY;
    }

    /** What is usual of an activity: distances up to {@code far} are, up to {@code strange} they occur. */
    private abstract static class Usual {
        final double far;
        final double strange;

        Usual(JSONObject record) throws JSONException {
            far = record.getDouble("far");
            strange = record.getDouble("strange");
        }

        abstract double distance(double[] values);
    }

    /** Typical accelerations, in g, along and across the phone or along x, y and z: the distance is to the nearest. */
    private static final class Postures extends Usual {
        private final double[][] centres;

        Postures(JSONObject record) throws JSONException {
            super(record);
            JSONArray rows = record.getJSONArray("centres");
            boolean inclined = rows.length() > 0 && rows.getJSONArray(0).length() == 2;
            centres = matrix(rows, inclined ? 2 : 3);
        }

        @Override
        double distance(double[] values) {
            double[] inclination = {values[0], Math.hypot(values[1], values[2])};
            double nearest = Double.POSITIVE_INFINITY;
            for (double[] centre : centres) {
                double[] measured = centre.length == 2 ? inclination : values;
                double squared = 0;
                for (int axis = 0; axis < centre.length; axis++) {
                    squared += (measured[axis] - centre[axis]) * (measured[axis] - centre[axis]);
                }
                nearest = Math.min(nearest, Math.sqrt(squared));
            }
            return nearest;
        }
    }

    /** Features that spread around their mean. */
    private static final class Movements extends Usual {
        private final double[] mean;
        private final double[][] precision;

        Movements(JSONObject record, int features) throws JSONException {
            super(record);
            mean = row(record.getJSONArray("mean"), features);
            precision = matrix(record.getJSONArray("precision"), features);
            if (precision.length != features) {
                throw new JSONException("its movements do not fit its signals");
            }
        }

        @Override
        double distance(double[] values) {
            double squared = 0;
            for (int i = 0; i < mean.length; i++) {
                for (int j = 0; j < mean.length; j++) {
                    squared += (values[i] - mean[i]) * precision[i][j] * (values[j] - mean[j]);
                }
            }
            return Math.sqrt(squared);
        }
    }

    private static double[][] matrix(JSONArray rows, int width) throws JSONException {
        double[][] matrix = new double[rows.length()][];
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = row(rows.getJSONArray(i), width);
        }
        return matrix;
    }

    private static double[] row(JSONArray array, int width) throws JSONException {
        if (array.length() != width) {
            throw new JSONException("its postures and movements do not fit its signals");
        }
        double[] numbers = new double[width];
        for (int i = 0; i < width; i++) {
            numbers[i] = array.getDouble(i);
        }
        return numbers;
    }
}
