package haredge.live;

import haredge.core.Card;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Whether a moment looks like the activity that a network names, see {@code edge_runtime/familiarity.py}.
 *
 * <p>Squared Mahalanobis distances of posture and movement to the usual range of each activity.
 */
final class Familiarity {
    /** For each activity: whether the moment is too far for it to begin, and what of it is next to impossible in it. */
    static final class Judgement {
        final boolean[] far;
        final boolean[] strangePosture;
        final boolean[] strangeMovement;

        Judgement(int labels) {
            far = new boolean[labels];
            strangePosture = new boolean[labels];
            strangeMovement = new boolean[labels];
        }
    }

    private static final int LATELY = 64; // samples: 1.28 s
    private static final double FLOOR = 2e-3; // g, rad/s: below, a standard deviation is the sensor's noise
    private static final int TOTAL_ACC = 6; // where the signals of the front end begin
    private static final int BODY_GYRO = 3;

    private final List<Range> posture;
    private final List<Range> movement;
    private final boolean gyroscope;

    /** From the card's record. */
    Familiarity(JSONObject record, Card card) throws JSONException {
        posture = ranges(record.getJSONArray("posture"), card);
        movement = ranges(record.getJSONArray("movement"), card);
        gyroscope = card.usesGyroscope();
        int features = gyroscope ? 2 : 1;
        if (posture.get(0).mean.length != 3 || movement.get(0).mean.length != features) {
            throw new JSONException("its ranges of posture and movement do not fit its signals");
        }
    }

    /** Compare the end of a window of all signals {@code [samples][9]} with every activity. */
    Judgement judge(double[][] signals) {
        Judgement judgement = new Judgement(posture.size());
        double[] moved = new double[gyroscope ? 2 : 1];
        moved[0] = spread(signals, TOTAL_ACC);
        if (gyroscope) {
            moved[1] = spread(signals, BODY_GYRO);
        }
        double[] held = {mean(signals, TOTAL_ACC), mean(signals, TOTAL_ACC + 1), mean(signals, TOTAL_ACC + 2)};
        for (int i = 0; i < posture.size(); i++) {
            double ofPosture = posture.get(i).distance(held);
            double ofMovement = movement.get(i).distance(moved);
            judgement.far[i] = ofPosture > posture.get(i).far || ofMovement > movement.get(i).far;
            judgement.strangePosture[i] = ofPosture > posture.get(i).strange;
            judgement.strangeMovement[i] = ofMovement > movement.get(i).strange;
        }
        return judgement;
    }

    /** The logarithm of how much the three signals from {@code first} on varied. */
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
        return Math.log(sum / 3 + FLOOR);
    }

    private static double mean(double[][] signals, int column) {
        double sum = 0;
        for (int i = signals.length - LATELY; i < signals.length; i++) {
            sum += signals[i][column];
        }
        return sum / LATELY;
    }

    private static List<Range> ranges(JSONArray records, Card card) throws JSONException {
        if (records.length() != card.labels.size()) {
            throw new JSONException("it needs ranges of posture and movement for each activity");
        }
        List<Range> ranges = new ArrayList<>();
        for (int i = 0; i < records.length(); i++) {
            ranges.add(new Range(records.getJSONObject(i)));
        }
        return ranges;
    }

    /** A feature vector's usual range: distances up to {@code far} are usual, up to {@code strange} they occur. */
    private static final class Range {
        final double[] mean;
        final double[][] precision;
        final double far;
        final double strange;

        Range(JSONObject record) throws JSONException {
            mean = numbers(record.getJSONArray("mean"));
            precision = new double[mean.length][];
            for (int i = 0; i < mean.length; i++) {
                precision[i] = numbers(record.getJSONArray("precision").getJSONArray(i));
            }
            far = record.getDouble("far");
            strange = record.getDouble("strange");
        }

        double distance(double[] values) {
            double squared = 0;
            for (int i = 0; i < mean.length; i++) {
                for (int j = 0; j < mean.length; j++) {
                    squared += (values[i] - mean[i]) * precision[i][j] * (values[j] - mean[j]);
                }
            }
            return squared;
        }

        private static double[] numbers(JSONArray array) throws JSONException {
            double[] numbers = new double[array.length()];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = array.getDouble(i);
            }
            return numbers;
        }
    }
}
