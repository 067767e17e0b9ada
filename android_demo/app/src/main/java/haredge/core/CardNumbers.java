package haredge.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Finds the numbers that C takes from a card, as {@code card_numbers} in {@code convert/c_file/c_stream.py} does. */
final class CardNumbers {
    private static final double NEVER = 1e9; // a limit that nothing reaches
    private static final String WITHOUT_LIMITS = "{\"centres\": [[0, 0]], \"mean\": [0], \"precision\": [[1]], "
            + "\"unusual\": " + NEVER + ", \"novel\": " + NEVER + ", \"most\": " + NEVER + "}";
    private static final List<String> STEPS = Arrays.asList(Card.WALKING, "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS");
    private static final int BODY_GYRO = 3; // among the signals
    // Among the constants of HarCore.
    private static final int MOVING_G = 0;
    private static final int UPRIGHT = 1;

    private final List<Integer> whole = new ArrayList<>();
    private final List<Double> real = new ArrayList<>();
    private final List<Integer> lengths = new ArrayList<>(); // of the tables

    /** Throws {@link JSONException} when {@code content}, which {@code card} is read from, lacks something. */
    CardNumbers(Card card, JSONObject content) throws JSONException {
        int n = card.labels.size();
        JSONObject limitless = new JSONObject(WITHOUT_LIMITS);
        JSONObject smoothing = content.getJSONObject("live").getJSONObject("smoothing");
        JSONObject novelty = content.getJSONObject("live").optJSONObject("novelty");
        JSONObject steps = novelty == null || novelty.isNull("steps") ? limitless : novelty.getJSONObject("steps");
        double rest = novelty == null || novelty.isNull("rest") ? 0 : novelty.getDouble("rest");
        List<JSONObject> postures = new ArrayList<>();
        List<JSONObject> movements = new ArrayList<>();
        int nCentres = 1;
        for (int i = 0; i < n; i++) {
            postures.add(novelty == null ? limitless : novelty.getJSONArray("posture").getJSONObject(i));
            movements.add(novelty == null ? limitless : novelty.getJSONArray("movement").getJSONObject(i));
            nCentres = Math.max(nCentres, postures.get(i).getJSONArray("centres").length());
        }
        int nMovement = novelty != null && card.usesGyroscope() ? 2 : 1;
        JSONObject learnt = content.optJSONObject("personal_correction");
        List<JSONObject> correction = learnt == null ? Collections.emptyList() : Collections.singletonList(learnt);
        int[] moving = card.signals.stream()
                .filter(signal -> signal.startsWith("body_") && learnt != null)
                .mapToInt(card.signals::indexOf)
                .toArray();
        int nFeatures = 3 + moving.length * (1 + moving.length);
        int walking = card.labels.indexOf(Card.WALKING);
        int sitting = card.labels.indexOf("SITTING");
        int lying = card.labels.indexOf("LAYING");
        boolean tiltDecides = Math.min(sitting, lying) >= 0;
        boolean looksUp = walking >= 0 && !card.isWalkingFrame && isUpright(postures.get(walking));
        check(rest == 0 || card.usesGyroscope(), "it has a limit of rest, and no gyroscope among its signals");
        check(content.getDouble("temperature") > 0, "its temperature is not above 0");

        // In the order of har_read_model in har_table.h.
        whole.addAll(Arrays.asList(
                card.samples, card.hop, card.signals.size(), n, card.answers.size(),
                (int) Math.rint(1000 * card.rateHz), flag(card.isRaw()), flag(card.isWalkingFrame),
                card.usesGyroscope() ? 6 : 3, flag(card.hasTriad(BODY_GYRO)), flag(looksUp), Math.max(0, walking),
                tiltDecides ? sitting : 0, tiltDecides ? lying : 0, nCentres, nMovement, moving.length));
        int[] tilted = new int[n];
        int[] still = new int[n];
        int[] stepping = new int[n];
        for (int i = 0; i < n; i++) {
            tilted[i] = i;
            still[i] = flag(isStill(movements.get(i)));
            stepping[i] = flag(STEPS.contains(card.labels.get(i)));
        }
        for (int answer = card.answers.size() - 1; answer >= n; answer--) {
            for (int row : card.rows(answer)) {
                tilted[row] = answer;
            }
        }
        for (int[] table : new int[][] {card.columns(), card.places(), tilted, still, moving, stepping}) {
            Arrays.stream(table).forEach(whole::add);
            lengths.add(table.length);
        }
        real.addAll(Arrays.asList(
                content.getDouble("temperature"), smoothing.getDouble("evidence"), smoothing.getDouble("confidence"),
                smoothing.getDouble("change_still"), smoothing.getDouble("change_moving"),
                smoothing.getDouble("movement"), rest, limit(steps, "most"), limit(steps, "unusual")));
        JSONArray ahead = content.getJSONObject("live").optJSONArray("ahead");
        real.addAll(ahead == null ? Collections.nCopies(3, 0.0) : flat(ahead));
        real.addAll(card.factors());
        lengths.add(card.signals.size());
        add(postures, "centres", 2 * nCentres);
        add(movements, "mean", nMovement);
        add(movements, "precision", nMovement * nMovement);
        for (List<JSONObject> typical : Arrays.asList(postures, movements)) {
            for (JSONObject record : typical) {
                real.addAll(Arrays.asList(limit(record, "unusual"), limit(record, "novel")));
            }
            lengths.add(2 * n);
        }
        add(correction, "middle", nFeatures);
        add(correction, "weights", n * nFeatures);
        add(correction, "lowest", n);
        add(correction, "highest", n);
    }

    HarCore core() {
        return new HarCore(
                whole.stream().mapToInt(x -> x).toArray(),
                real.stream().mapToDouble(x -> x).toArray(),
                lengths.stream().mapToInt(x -> x).toArray());
    }

    /** Add a table with {@code width} numbers of each record; where it has fewer centres, they repeat. */
    private void add(List<JSONObject> records, String field, int width) throws JSONException {
        for (JSONObject record : records) {
            List<Double> row = flat(record.getJSONArray(field));
            for (int n = row.size(); field.equals("centres") && n > 0 && row.size() < width; ) {
                row.add(row.get(row.size() % n));
            }
            check(row.size() == width, "its " + field + " needs " + width + " numbers");
            real.addAll(row);
        }
        lengths.add(records.size() * width);
    }

    /** All numbers of lists in lists. */
    static List<Double> flat(JSONArray array) throws JSONException {
        List<Double> numbers = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            JSONArray row = array.optJSONArray(i);
            numbers.addAll(row == null ? Collections.singletonList(array.getDouble(i)) : flat(row));
        }
        return numbers;
    }

    /** Whether a body that moves so keeps still, as {@code is_still} in {@code edge_runtime/model/novelty.py}. */
    private static boolean isStill(JSONObject movement) throws JSONException {
        double typical = movement.getJSONArray("mean").getDouble(0);
        return Math.sqrt(3) * Math.exp(typical) < HarCore.constants()[MOVING_G];
    }

    /** Whether x points up, as {@code looks_up} in {@code edge_runtime/live/worn_axes.py}. */
    private static boolean isUpright(JSONObject posture) throws JSONException {
        List<Double> centres = flat(posture.getJSONArray("centres"));
        boolean isUpright = true;
        for (int i = 0; i < centres.size(); i += 2) {
            isUpright &= centres.get(i) > HarCore.constants()[UPRIGHT];
        }
        return isUpright;
    }

    private static double limit(JSONObject record, String name) throws JSONException {
        check(record.getDouble(name) > 0, "a limit of its postures, movements or steps is not above 0");
        return record.getDouble(name);
    }

    private static void check(boolean isRight, String fault) throws JSONException {
        if (!isRight) {
            throw new JSONException(fault);
        }
    }

    private static int flag(boolean value) {
        return value ? 1 : 0;
    }
}
