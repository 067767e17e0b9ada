package haredge.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads the model card inside a {@code .tflite} file, see {@code docs/formats.md}. */
public final class Card {
    public static final String WALKING = "WALKING";

    private static final int FORMAT = 5;

    public final String name;
    public final List<String> labels;
    public final List<String> signals;

    public final boolean isWalkingFrame;

    public final List<String> answers;

    public final List<AlikeLabels> alike;

    public final double rateHz;
    public final int samples;
    public final int hop;
    public final double temperature;

    final PersonalCorrection personalCorrection;

    private final Filters filters;

    public final JSONObject content;

    /** Throws {@link InputError} when {@code text} is not a usable card; {@code source} names it. */
    public static Card parse(String text, String source) throws InputError {
        try {
            return new Card(new JSONObject(text), source);
        } catch (JSONException error) {
            throw new InputError(source + " is not a complete model card: " + error.getMessage(), error);
        }
    }

    private Card(JSONObject content, String source) throws JSONException, InputError {
        int format = content.getInt("format");
        if (format != FORMAT) {
            throw new InputError(source + " has card format " + format + ": use the app of the har-edge that wrote it");
        }
        this.content = content;
        name = content.getString("name");
        labels = texts(content.getJSONArray("labels"));
        signals = signalNames(content.getJSONArray("signals"), source);
        JSONObject window = content.getJSONObject("window");
        rateHz = window.isNull("rate_hz") ? Double.NaN : window.getDouble("rate_hz"); // null: it is not known
        samples = window.getInt("samples");
        hop = window.getInt("hop");
        temperature = content.optDouble("temperature", 1.0);
        if (!content.getBoolean("raw_input")) {
            throw new InputError(source + " says that windows are prepared outside the graph, which this app does not: "
                    + "convert the model again, with --io raw");
        }
        isWalkingFrame = content.getString("frame").equals("walking");
        alike = alike(content.getJSONArray("alike"), labels);
        answers = answers(labels, alike);
        checkFrame(content.getString("frame"), source);
        JSONObject frontEnd = content.optJSONObject("front_end");
        filters = frontEnd == null ? null : new Filters(frontEnd);
        JSONObject learnt = content.optJSONObject("personal_correction");
        personalCorrection = learnt == null ? null : new PersonalCorrection(learnt, this);
        if (labels.size() < 2 || samples < 1 || hop < 1 || !(temperature > 0)) {
            throw new InputError(source + " needs two labels, a window and a temperature above 0; mend the card");
        }
        if (rateHz != FrontEnd.RATE_HZ) {
            String rate = Double.isNaN(rateHz) ? "an unknown rate" : rateHz + " Hz";
            throw new InputError(source + " takes windows at " + rate + "; this app filters at 50 Hz");
        }
    }

    /** The places among the labels of what {@code answer}, a place among the answers, stands for. */
    public int[] rows(int answer) {
        return answer < labels.size() ? new int[] {answer} : alike.get(answer - labels.size()).rows;
    }

    public boolean usesGyroscope() {
        for (String signal : signals) {
            if (signal.startsWith("body_gyro")) {
                return true;
            }
        }
        return false;
    }

    /** The filters that make the model's signals. Throws {@link InputError} when the card does not have them. */
    public Filters filters() throws InputError {
        if (filters == null) {
            throw new InputError("the card of '" + name + "' has no front_end: this app and page take filtered "
                    + "signals, and har-edge stream also raw ones");
        }
        return filters;
    }

    public int[] places() {
        int[] places = new int[signals.size()];
        for (int i = 0; i < places.length; i++) {
            places[i] = SIGNAL_NAMES.indexOf(signals.get(i));
        }
        return places;
    }

    /** Where quantities begin among the signals of {@link FrontEnd} whose three axes the model takes in a row. */
    public int[] triads() {
        int[] triads = new int[3];
        int found = 0;
        for (int first = 0; first < SIGNAL_NAMES.size(); first += 3) {
            if (hasTriad(first)) {
                triads[found++] = first;
            }
        }
        return Arrays.copyOf(triads, found);
    }

    private boolean hasTriad(int first) {
        return Collections.indexOfSubList(signals, SIGNAL_NAMES.subList(first, first + 3)) >= 0;
    }

    private void checkFrame(String frame, String source) throws InputError {
        String fault = null;
        if (!isWalkingFrame && !frame.equals("device")) {
            fault = "takes windows in the frame '" + frame + "', which this app does not know";
        } else if (isWalkingFrame && !(hasTriad(0) && hasTriad(6))) {
            fault = "takes windows in the walking frame, which needs body_acc and total_acc among its signals";
        } else if (isWalkingFrame && !labels.contains(WALKING)) {
            fault = "takes windows in the walking frame, which is found by its label " + WALKING + "; it has none";
        } else if (!isWalkingFrame && !alike.isEmpty()) {
            fault = "has labels that look alike, which takes windows in the walking frame";
        }
        if (fault != null) {
            throw new InputError(source + " " + fault + "; mend the card");
        }
    }

    private static final List<String> SIGNAL_NAMES = names();

    private static List<String> names() {
        List<String> names = new ArrayList<>();
        for (String quantity : new String[] {"body_acc", "body_gyro", "total_acc"}) {
            for (String axis : new String[] {"x", "y", "z"}) {
                names.add(quantity + "_" + axis);
            }
        }
        return Collections.unmodifiableList(names);
    }

    private static List<String> signalNames(JSONArray records, String source) throws JSONException, InputError {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < records.length(); i++) {
            JSONObject signal = records.getJSONObject(i);
            String unit = signal.getString("name").startsWith("body_gyro") ? "rad/s" : "g";
            if (!SIGNAL_NAMES.contains(signal.getString("name")) || !signal.getString("unit").equals(unit)) {
                throw new InputError(source + " takes the signal " + signal.getString("name") + " in "
                        + signal.getString("unit") + ", which this app does not make");
            }
            names.add(signal.getString("name"));
        }
        return Collections.unmodifiableList(names);
    }

    private static List<AlikeLabels> alike(JSONArray records, List<String> labels) throws JSONException {
        List<AlikeLabels> alike = new ArrayList<>();
        for (int i = 0; i < records.length(); i++) {
            alike.add(new AlikeLabels(records.getJSONObject(i), labels));
        }
        return Collections.unmodifiableList(alike);
    }

    private static List<String> answers(List<String> labels, List<AlikeLabels> alike) {
        List<String> answers = new ArrayList<>(labels);
        for (AlikeLabels group : alike) {
            answers.add(group.name);
        }
        return Collections.unmodifiableList(answers);
    }

    static List<String> texts(JSONArray array) throws JSONException {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            texts.add(array.getString(i));
        }
        return Collections.unmodifiableList(texts);
    }
}
