package haredge.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads the model card inside a {@code .tflite} file, see {@code docs/formats.md}. */
public final class Card {
    private static final int FORMAT = 5;

    public final String name;
    public final List<String> labels;
    public final List<String> signals;
    public final double rateHz;
    public final int samples;
    public final int hop;
    public final double temperature;

    /** Adapts the answers to one person; null for a model that is for everybody. */
    final PostureCorrection postureCorrection;

    private final Filters filters;

    /** The whole card, for the records that not every model has. */
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
        if (!content.getString("frame").equals("device")) {
            throw new InputError(source + " takes windows in the walking frame, which this app does not find: "
                    + "give a model that was trained without --frame walking");
        }
        JSONObject frontEnd = content.optJSONObject("front_end");
        filters = frontEnd == null ? null : new Filters(frontEnd);
        JSONObject learnt = content.optJSONObject("posture_correction");
        postureCorrection = learnt == null ? null : new PostureCorrection(learnt, this);
        if (labels.size() < 2 || samples < 1 || hop < 1 || !(temperature > 0)) {
            throw new InputError(source + " needs two labels, a window and a temperature above 0; mend the card");
        }
        if (rateHz != FrontEnd.RATE_HZ) {
            String rate = Double.isNaN(rateHz) ? "an unknown rate" : rateHz + " Hz";
            throw new InputError(source + " takes windows at " + rate + "; this app filters at 50 Hz");
        }
    }

    /** Whether the model takes anything of the gyroscope. */
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
            throw new InputError("the card of '" + name + "' has no front_end: copy that of a model of har-edge");
        }
        return filters;
    }

    /** For each signal of the model its place among those of {@link FrontEnd}. */
    public int[] places() {
        int[] places = new int[signals.size()];
        for (int i = 0; i < places.length; i++) {
            places[i] = SIGNAL_NAMES.indexOf(signals.get(i));
        }
        return places;
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

    private static List<String> texts(JSONArray array) throws JSONException {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            texts.add(array.getString(i));
        }
        return Collections.unmodifiableList(texts);
    }
}
