package haredge.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads the model card inside a {@code .tflite} file, see {@code docs/formats.md}. */
public final class Card {
    /** Activities that look alike where a phone tilts backwards: {@code edge_runtime/model/alike_labels.py}. */
    public static final class Alike {
        final String name;
        public final int[] rows; // among the labels
        public final List<String> placements;

        private Alike(JSONObject record, List<String> labels) throws JSONException {
            List<String> names = texts(record.getJSONArray("labels"), "");
            placements = texts(record.getJSONArray("placements"), "");
            boolean areKnown = new HashSet<>(names).size() > 1 && labels.containsAll(names);
            if (!areKnown || placements.isEmpty() || placements.contains("")) {
                throw new JSONException("labels that look alike are at least two of its labels, with a placement");
            }
            rows = names.stream().mapToInt(labels::indexOf).toArray();
            name = String.join(" or ", names);
        }
    }

    public static final String WALKING = "WALKING";

    private static final int FORMAT = 5;
    private static final int LONGEST = 1_000_000; // samples
    private static final int SECTIONS = 2; // where those of the filters begin among the constants of HarCore
    private static final double FILTERED_HZ = 50;
    private static final double LEAST_RAW_HZ = 10;
    private static final double MOST_RAW_HZ = 1000;
    /** Signals as {@code edge_runtime/signals/frontend.py} makes them. */
    private static final List<String> SIGNALS = Arrays.asList(
            "body_acc_x", "body_acc_y", "body_acc_z", "body_gyro_x", "body_gyro_y", "body_gyro_z",
            "total_acc_x", "total_acc_y", "total_acc_z");
    private static final List<String> RAW = Arrays.asList("ax", "ay", "az", "gx", "gy", "gz");
    /** The same quantities among {@link #SIGNALS}. */
    private static final int[] OF_RAW = {6, 7, 8, 3, 4, 5};

    public final String name;
    public final List<String> labels;
    public final List<String> signals;
    public final boolean isWalkingFrame;
    public final List<Alike> alike = new ArrayList<>();
    public final List<String> answers = new ArrayList<>();
    public final double rateHz;
    public final int samples;
    final int hop;
    private final List<String> units;
    private final boolean hasFilters;
    private final CardNumbers numbers;

    /** Throws {@link InputError} when {@code text} is not a usable card; {@code source} names it. */
    public static Card parse(String text, String source) throws InputError {
        try {
            return new Card(new JSONObject(text), source);
        } catch (JSONException error) {
            throw new InputError(source + " is not a complete model card: " + error.getMessage(), error);
        }
    }

    private Card(JSONObject content, String source) throws JSONException, InputError {
        if (content.getInt("format") != FORMAT) {
            throw new InputError(source + " has a format other than " + FORMAT + ": use the app of its har-edge");
        }
        name = content.getString("name");
        labels = texts(content.getJSONArray("labels"), "");
        signals = texts(content.getJSONArray("signals"), "name");
        units = texts(content.getJSONArray("signals"), "unit");
        JSONObject window = content.getJSONObject("window");
        rateHz = window.optDouble("rate_hz", 0); // null: it is not known
        samples = window.getInt("samples");
        hop = window.getInt("hop");
        isWalkingFrame = content.getString("frame").equals("walking");
        answers.addAll(labels);
        JSONArray groups = content.getJSONArray("alike");
        for (int i = 0; i < groups.length(); i++) {
            alike.add(new Alike(groups.getJSONObject(i), labels));
            answers.add(alike.get(i).name);
        }
        String fault = fault(content);
        if (fault != null) {
            throw new InputError(source + " " + fault);
        }
        hasFilters = hasFilters(content.optJSONObject("front_end"));
        numbers = new CardNumbers(this, content);
    }

    /** A recogniser with this card. Throws {@link InputError} when the signals are not those of its filters. */
    public HarCore core() throws InputError {
        if (!isRaw() && !hasFilters) {
            throw new InputError("the card of '" + name + "' lacks the front_end of live signals: copy the one that "
                    + "'har-edge card edge' prints");
        }
        return numbers.core();
    }

    /** The places among the labels of what {@code answer}, a place among the answers, stands for. */
    public int[] rows(int answer) {
        return answer < labels.size() ? new int[] {answer} : alike.get(answer - labels.size()).rows;
    }

    public boolean usesGyroscope() {
        return signals.stream().anyMatch(Card::isRotation);
    }

    /** Whether the model takes samples as sensors give them, without filters. */
    boolean isRaw() {
        return RAW.contains(signals.get(0));
    }

    /** The place of each signal among all that C has. */
    int[] columns() {
        return signals.stream().mapToInt((isRaw() ? RAW : SIGNALS)::indexOf).toArray();
    }

    /** The column of each of {@link #SIGNALS}, 0 if it has none. */
    int[] places() {
        return SIGNALS.stream().mapToInt(signal -> Math.max(0, measured().indexOf(signal))).toArray();
    }

    /** A unit of each signal in g or rad/s, null if it is not known. */
    List<Double> factors() {
        List<Double> factors = new ArrayList<>();
        for (int i = 0; i < signals.size(); i++) {
            factors.add((isRotation(signals.get(i)) ? Units.ROTATIONS : Units.ACCELERATIONS).get(units.get(i)));
        }
        return factors;
    }

    /** Whether the model takes a quantity's three axes in a row; it begins at {@code first} of {@link #SIGNALS}. */
    boolean hasTriad(int first) {
        return Collections.indexOfSubList(measured(), SIGNALS.subList(first, first + 3)) >= 0;
    }

    /** The names of the signals among {@link #SIGNALS}. */
    private List<String> measured() {
        List<String> names = new ArrayList<>(signals);
        names.replaceAll(signal -> RAW.contains(signal) ? SIGNALS.get(OF_RAW[RAW.indexOf(signal)]) : signal);
        return names;
    }

    private static boolean isRotation(String signal) {
        return signal.startsWith("body_gyro") || RAW.indexOf(signal) >= 3;
    }

    /** What makes the card unusable and what to do, null if nothing does. */
    private String fault(JSONObject content) throws JSONException {
        String frame = content.getString("frame");
        if (!content.getBoolean("raw_input")) {
            return "says that windows are prepared outside the graph: convert the model again, with --io raw";
        }
        if (labels.size() < 2 || labels.contains("") || new HashSet<>(labels).size() < labels.size()) {
            return "needs at least two labels with different names; mend the card";
        }
        if (samples < 1 || samples > LONGEST || hop < 1 || hop > LONGEST) {
            return "needs a window of 1 to " + LONGEST + " samples; mend the card";
        }
        HashSet<String> names = new HashSet<>(signals);
        boolean areRaw = names.equals(new HashSet<>(RAW)) || names.equals(new HashSet<>(RAW.subList(0, 3)));
        boolean areFiltered = !signals.isEmpty() && SIGNALS.containsAll(signals);
        boolean areLive = areRaw
                ? rateHz >= LEAST_RAW_HZ && rateHz <= MOST_RAW_HZ && !factors().contains(null)
                : areFiltered && rateHz == FILTERED_HZ && factors().stream().allMatch(Double.valueOf(1)::equals);
        if (!areLive || names.size() < signals.size()) {
            return "takes " + signals + " in " + units + " at " + rateHz + " Hz, which this app does not make";
        }
        if (!isWalkingFrame && (!frame.equals("device") || !alike.isEmpty())) {
            return "takes windows in the frame '" + frame + "', or has labels that look alike in it; mend the card";
        }
        if (isWalkingFrame && !(hasTriad(0) && hasTriad(6) && labels.contains(WALKING))) {
            return "takes windows in the walking frame, which needs body_acc, total_acc and the label " + WALKING
                    + "; mend the card";
        }
        return null;
    }

    /** Whether the signals of training came from the filters that C has. */
    private static boolean hasFilters(JSONObject frontEnd) throws JSONException {
        List<Double> sections = new ArrayList<>();
        for (String filter : new String[] {"noise", "gravity", "drift"}) {
            if (frontEnd != null) {
                sections.addAll(CardNumbers.flat(frontEnd.getJSONObject(filter).getJSONArray("sections")));
            }
        }
        double[] constants = HarCore.constants();
        return Arrays.equals(
                sections.stream().mapToDouble(x -> x).toArray(),
                Arrays.copyOfRange(constants, SECTIONS, constants.length));
    }

    /** Texts of a list, or the {@code field} of its records. */
    private static List<String> texts(JSONArray array, String field) throws JSONException {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            JSONObject record = array.optJSONObject(i);
            texts.add(record == null ? array.getString(i) : record.getString(field));
        }
        return texts;
    }
}
