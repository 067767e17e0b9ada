package haredge.bench;

import haredge.core.Classifier;
import haredge.core.Engine;
import haredge.core.HarCore;
import haredge.core.InputError;
import haredge.core.ModelFile;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONException;
import org.json.JSONObject;

/** Times slices of a model that is open and warm, as {@code edge_runtime/bench/model_process.py} does. */
final class TimedModel {
    private static final int TIMED_WINDOWS = 32;
    private static final double WARM_UP_SECONDS = 0.1;
    private static final double MOST_WARM_UP_SECONDS = 2.0;
    private static final double SLICE_S = 1e-3;
    private static final int MOST_CALLS = 16;

    /** The time of one slice. */
    final double sliceS;

    private final Classifier classifier;
    private final Npy.Windows windows;
    private final HarCore core; // null for windows in the frame of the phone
    private final ByteBuffer[] inputs;
    private final ByteBuffer output;
    private final int calls; // of a slice
    private final List<long[]> latencyNs = new ArrayList<>();
    private final List<long[]> endToEndNs = new ArrayList<>();
    private final long loadNs;
    private final long firstNs;
    private final Timing.Warmth warmth;

    TimedModel(ModelFile model, Npy.Windows windows, Engine.Factory factory, int threads) throws InputError {
        this.windows = windows;
        long began = System.nanoTime();
        classifier = new Classifier(model, factory, threads);
        loadNs = System.nanoTime() - began;
        inputs = new ByteBuffer[Math.min(TIMED_WINDOWS, windows.count)];
        core = model.card.isWalkingFrame ? model.card.core() : null;
        output = Classifier.buffer(classifier.engine.output());
        readWindows(model);
        began = System.nanoTime();
        infer(0);
        firstNs = System.nanoTime() - began;
        // With the work before it, which Java compiles meanwhile, too.
        warmth = Timing.warmUp(this::prepareAndInfer, inputs.length, WARM_UP_SECONDS, MOST_WARM_UP_SECONDS);
        calls = (int) Math.max(1, Math.min(MOST_CALLS, SLICE_S * 1e9 / warmth.medianNs));
        sliceS = 2 * (calls + 1) * warmth.medianNs / 1e9;
    }

    /** Read a few windows from all over the file. */
    private void readWindows(ModelFile model) throws InputError {
        if (inputs.length == 0) {
            throw new InputError("the data has no test windows: name other data with --data");
        }
        for (int i = 0; i < inputs.length; i++) {
            float[] window = windows.at((int) ((long) i * (windows.count - 1) / Math.max(1, inputs.length - 1)));
            if (window.length != model.card.samples * model.card.signals.size()) {
                throw new InputError("the windows do not have the shape that " + model.name + " takes");
            }
            inputs[i] = Classifier.buffer(classifier.engine.input());
            inputs[i].asFloatBuffer().put(window);
        }
    }

    private void infer(int place) {
        classifier.engine.run(inputs[place], output);
    }

    private void prepareAndInfer(int place) {
        prepare(place);
        infer(place);
    }

    /** Do all that comes before an inference: the graph takes windows as they come, but for the frame. */
    private void prepare(int place) {
        if (core != null) {
            core.turn(inputs[place]);
        }
    }

    /** Time some inferences, and as many with the work before them. */
    void timeSlice() {
        int first = latencyNs.size() * calls;
        long[] times = Timing.calls(this::infer, inputs.length, calls, first);
        latencyNs.add(times);
        endToEndNs.add(core == null ? times : Timing.calls(this::prepareAndInfer, inputs.length, calls, first));
    }

    /** Time one window after a pause: no untimed call fills the caches. */
    void timeCold() {
        int place = latencyNs.size() % inputs.length;
        long began = System.nanoTime();
        prepare(place);
        long ready = System.nanoTime();
        infer(place);
        long ended = System.nanoTime();
        latencyNs.add(new long[] {ended - ready});
        endToEndNs.add(new long[] {ended - began});
    }

    /** The times of all turns, by the names of {@code edge_runtime/bench/measured.py}. */
    Map<String, Object[]> times() {
        Map<String, Object[]> arrays = new LinkedHashMap<>();
        arrays.put("latency_ns", latencyNs.toArray(new long[0][]));
        arrays.put("end_to_end_ns", endToEndNs.toArray(new long[0][]));
        return arrays;
    }

    /** The answers to all windows. */
    float[][] score(Worker.Progress progress) {
        float[][] logits = new float[windows.count][];
        for (int i = 0; i < logits.length; i++) {
            if (i % 100 == 0) {
                progress.at("classifying", 0.7 + 0.3 * i / logits.length);
            }
            logits[i] = classifier.logits(windows.at(i));
        }
        return logits;
    }

    /** No memory, since all models of a job share it. */
    JSONObject facts() throws JSONException {
        Engine engine = classifier.engine;
        return new JSONObject()
                .put("runtime", new JSONObject().put("name", engine.runtime()).put("version", engine.version()))
                .put("load_ms", loadNs / 1e6)
                .put("first_ms", firstNs / 1e6)
                .put("warm_up", new JSONObject()
                        .put("calls", warmth.calls).put("seconds", warmth.seconds).put("stable", warmth.stable))
                .put("harness_overhead_us", Timing.overhead() / 1e3)
                .put("baseline_memory_bytes", JSONObject.NULL)
                .put("peak_memory_bytes", JSONObject.NULL);
    }
}
