package haredge.live;

import haredge.core.Card;
import haredge.core.Mounting;
import haredge.core.Steps;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Detects motion that is not typical of an activity, as {@code edge_runtime/model/novelty.py}. */
final class NoveltyDetector {
    static final class Novelty {
        final boolean[] unusualPosture;
        final boolean[] unusualMovement;
        final boolean[] novelPosture;
        final boolean[] novelMovement;
        double rotation; // rad/s
        boolean atRest; // turns less than a phone that is worn
        double unlikeAll; // how far movement and steps are from the nearest activity: beyond 1 they are unusual for all
        boolean tooQuick; // steps are

        Novelty(int labels) {
            unusualPosture = new boolean[labels];
            unusualMovement = new boolean[labels];
            novelPosture = new boolean[labels];
            novelMovement = new boolean[labels];
        }

        private Novelty(Novelty other) {
            unusualPosture = new boolean[other.unusualPosture.length];
            novelPosture = new boolean[other.novelPosture.length];
            unusualMovement = other.unusualMovement;
            novelMovement = other.novelMovement;
            rotation = other.rotation;
            atRest = other.atRest;
            unlikeAll = other.unlikeAll;
            tooQuick = other.tooQuick;
        }

        Novelty withoutPosture() {
            return new Novelty(this);
        }
    }

    private static final double FLOOR = 2e-3; // g, rad/s: below, a standard deviation is the sensor's noise
    private static final int TOTAL_ACC = 6; // where the signals of the front end begin
    private static final int BODY_GYRO = 3;

    private final List<Typical> posture = new ArrayList<>();
    private final List<TypicalMovement> movement = new ArrayList<>();
    private final int end; // samples at the end of a window that are compared: a hop
    private final boolean gyroscope;
    private final double rest; // rad/s
    private final double mostSteps; // Hz
    private final double unusualSteps; // Hz beyond the most; 0 where steps are not counted

    NoveltyDetector(JSONObject record, Card card) throws JSONException {
        end = card.hop;
        gyroscope = card.usesGyroscope();
        JSONArray held = record.getJSONArray("posture");
        JSONArray moved = record.getJSONArray("movement");
        if (held.length() != card.labels.size() || moved.length() != card.labels.size()) {
            throw new JSONException("it needs typical postures and movements of each activity");
        }
        for (int i = 0; i < held.length(); i++) {
            posture.add(new TypicalPosture(held.getJSONObject(i)));
            movement.add(new TypicalMovement(moved.getJSONObject(i), gyroscope ? 2 : 1));
        }
        rest = record.isNull("rest") ? 0 : record.getDouble("rest"); // no rotation is below 0
        if (rest > 0 && !gyroscope) {
            throw new JSONException("it has a limit of rest, and no gyroscope among its signals");
        }
        JSONObject steps = record.isNull("steps") ? null : record.getJSONObject("steps");
        mostSteps = steps == null ? 0 : steps.getDouble("most");
        unusualSteps = steps == null ? 0 : steps.getDouble("unusual");
        if (steps != null && !(mostSteps > 0 && unusualSteps > 0)) {
            throw new JSONException("it has a limit of steps, which needs a most and an unusual number of them above 0");
        }
    }

    boolean[] still() {
        boolean[] still = new boolean[movement.size()];
        for (int i = 0; i < still.length; i++) {
            // The typical standard deviation is the mean of three axes, and that of all larger by the square root of 3.
            still[i] = Math.sqrt(3) * Math.exp(movement.get(i).mean[0]) < Mounting.MOVING_G;
        }
        return still;
    }

    /** Compare the end of a window of all signals {@code [samples][9]} with every activity. */
    Novelty detect(double[][] signals) {
        Novelty novelty = new Novelty(posture.size());
        double[] moved = new double[gyroscope ? 2 : 1];
        moved[0] = Math.log(spread(signals, TOTAL_ACC) + FLOOR);
        if (gyroscope) {
            double rotation = spread(signals, BODY_GYRO);
            moved[1] = Math.log(rotation + FLOOR);
            novelty.rotation = rotation;
            novelty.atRest = rotation < rest;
        }
        double[] held = new double[3];
        for (int axis = 0; axis < held.length; axis++) {
            held[axis] = mean(signals, TOTAL_ACC + axis, end);
        }
        boolean[] still = still();
        double[] ofLimit = new double[posture.size()];
        double ofMoving = Double.POSITIVE_INFINITY; // of the nearest activity that moves
        novelty.unlikeAll = Double.POSITIVE_INFINITY;
        for (int i = 0; i < posture.size(); i++) {
            double ofPosture = posture.get(i).distance(held);
            double ofMovement = movement.get(i).distance(moved);
            novelty.unusualPosture[i] = ofPosture > posture.get(i).unusual;
            ofLimit[i] = ofMovement / movement.get(i).unusual;
            ofMoving = still[i] ? ofMoving : Math.min(ofMoving, ofLimit[i]);
            novelty.unlikeAll = Math.min(novelty.unlikeAll, ofLimit[i]);
            novelty.novelPosture[i] = ofPosture > posture.get(i).novel;
            novelty.novelMovement[i] = ofMovement > movement.get(i).novel;
        }
        for (int i = 0; i < ofLimit.length; i++) {
            novelty.unusualMovement[i] = (still[i] ? ofLimit[i] : ofMoving) > 1;
        }
        if (unusualSteps > 0) {
            double beyond = Math.max(Steps.frequency(signals) - mostSteps, 0) / unusualSteps;
            novelty.unlikeAll = Math.max(novelty.unlikeAll, beyond);
            novelty.tooQuick = beyond > 1;
        }
        return novelty;
    }

    private double spread(double[][] signals, int first) {
        double sum = 0;
        for (int axis = first; axis < first + 3; axis++) {
            double mean = mean(signals, axis, end);
            double squares = 0;
            for (int i = signals.length - end; i < signals.length; i++) {
                squares += (signals[i][axis] - mean) * (signals[i][axis] - mean);
            }
            sum += Math.sqrt(squares / end);
        }
        return sum / 3;
    }

    static double mean(double[][] signals, int column, int end) {
        double sum = 0;
        for (int i = signals.length - end; i < signals.length; i++) {
            sum += signals[i][column];
        }
        return sum / end;
    }

    /** What is typical of an activity, and the distances above which motion is unusual or novel for it. */
    private abstract static class Typical {
        final double unusual;
        final double novel;

        Typical(JSONObject record) throws JSONException {
            unusual = record.getDouble("unusual");
            novel = record.getDouble("novel");
            if (!(unusual > 0 && novel > 0)) {
                throw new JSONException("it needs an unusual and a novel distance above 0 for each typical posture and movement");
            }
        }

        abstract double distance(double[] values);
    }

    /** Typical accelerations, in g, along the phone's x axis and across it; the distance is that to the nearest. */
    private static final class TypicalPosture extends Typical {
        private final double[][] centres;

        TypicalPosture(JSONObject record) throws JSONException {
            super(record);
            centres = matrix(record.getJSONArray("centres"), 2);
        }

        @Override
        double distance(double[] values) {
            double[] inclination = {values[0], Math.hypot(values[1], values[2])};
            double nearest = Double.POSITIVE_INFINITY;
            for (double[] centre : centres) {
                double squared = 0;
                for (int axis = 0; axis < centre.length; axis++) {
                    squared += (inclination[axis] - centre[axis]) * (inclination[axis] - centre[axis]);
                }
                nearest = Math.min(nearest, Math.sqrt(squared));
            }
            return nearest;
        }
    }

    /** Features of movement around their mean, with the inverse of their covariance. */
    private static final class TypicalMovement extends Typical {
        private final double[] mean;
        private final double[][] precision;

        TypicalMovement(JSONObject record, int features) throws JSONException {
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
