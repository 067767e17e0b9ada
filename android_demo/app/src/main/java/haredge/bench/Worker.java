package haredge.bench;

import haredge.core.Card;
import haredge.core.Classifier;
import haredge.core.Digests;
import haredge.core.Engine;
import haredge.core.FrontEnd;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Mounting;
import haredge.core.Streams;
import haredge.core.TensorInfo;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Measures in one fresh process: loads a model, infers once, warms up, times, classifies all windows.
 *
 * <p>The method and the answer are those of {@code edge_runtime/bench/measurement_worker.py}.
 */
public final class Worker {
    /** Hears what is being done and the share of it that is done. */
    public interface Progress {
        void at(String stage, double share);
    }

    // As {@code edge_runtime/errors.py} numbers them.
    private static final int BAD_INPUT = 2;
    private static final int DEVICE_TROUBLE = 3;

    private static final int TIMED_WINDOWS = 32;
    private static final double WARM_UP_SECONDS = 0.1;
    private static final double MOST_WARM_UP_SECONDS = 2.0;
    private static final int FEW_CALLS = 10; // tell how long a call takes

    // By a rotation that changes nothing, turning takes as long as by any.
    private static final double[][] ROTATION = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};

    private final Engine.Factory factory;
    private final Machine machine;
    private final Progress progress;
    private final Timing timing = new Timing(new Timing.Clock());

    public Worker(Engine.Factory factory, Machine machine, Progress progress) {
        this.factory = factory;
        this.machine = machine;
        this.progress = progress;
    }

    /**
     * Do the job in the file {@code asked} and leave the answer in {@code answers}.
     *
     * <p>Failures that are understood become the answer. Throws {@link IOException} when there can be none.
     */
    public void run(File asked, File answers) throws IOException {
        String name = asked.getName().replace(".job.json", "");
        try {
            Job job = Job.parse(new String(Streams.readAll(asked), StandardCharsets.UTF_8));
            File folder = asked.getParentFile();
            measure(job, folder, Npy.map(new File(folder, job.windows)), answers);
        } catch (InputError error) {
            fail(answers, name, BAD_INPUT, error.getMessage());
        } catch (OutOfMemoryError error) {
            fail(answers, name, DEVICE_TROUBLE, "too little memory: close other apps");
        } catch (JSONException error) {
            throw new IOException(error);
        }
    }

    private void measure(Job job, File folder, Windows windows, File answers)
            throws IOException, InputError, JSONException {
        JSONObject before = machine.state();
        progress.at("opening", 0);
        Object baseline = machine.peakMemory();
        ModelFile model = new ModelFile(Streams.readAll(new File(folder, job.model)), job.title);
        long opened = System.nanoTime();
        try (Classifier classifier = new Classifier(model, factory, job.threads)) {
            long loadNs = System.nanoTime() - opened;
            Round round = new Round(classifier, job, windows);
            JSONObject facts = round.measure();
            facts.put("load_ms", loadNs / 1e6);
            facts.put("before", before);
            facts.put("baseline_memory_bytes", baseline);
            Map<String, Object> arrays = round.arrays;
            if (job.score) {
                arrays.put("logits", score(classifier, windows));
            }
            answer(answers, job.name, facts, arrays);
        }
    }

    private float[][] score(Classifier classifier, Windows windows) {
        float[][] logits = new float[windows.count()][];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = classifier.logits(windows.at(i));
            if ((i + 1) * 10 / logits.length > i * 10 / logits.length) {
                progress.at("classifying", 0.7 + 0.3 * (i + 1) / logits.length);
            }
        }
        return logits;
    }

    /** The timed part. */
    private final class Round {
        final Map<String, Object> arrays = new LinkedHashMap<>();
        private final Job job;
        private final Engine engine;
        private final ByteBuffer[] inputs;
        private final ByteBuffer output;
        private final Card card;
        private final int[] places;
        private final int[] triads;
        private final double[][][] recorded; // all signals, as they are before a turn

        Round(Classifier classifier, Job job, Windows all) throws InputError {
            this.job = job;
            engine = classifier.engine();
            card = classifier.card;
            places = card.places();
            triads = card.triads();
            float[][] windows = some(all, card);
            recorded = new double[windows.length][card.samples][FrontEnd.SIGNALS];
            inputs = new ByteBuffer[windows.length];
            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = Classifier.buffer(engine.input());
                inputs[i].asFloatBuffer().put(windows[i]);
                for (int at = 0; at < windows[i].length; at++) {
                    recorded[i][at / places.length][places[at % places.length]] = windows[i][at];
                }
            }
            output = Classifier.buffer(engine.output());
        }

        JSONObject measure() throws JSONException {
            long began = System.nanoTime();
            infer(0);
            long firstNs = System.nanoTime() - began;
            Timing.Warmth warmth = timing.warmUp(this::infer, inputs.length, WARM_UP_SECONDS, MOST_WARM_UP_SECONDS);
            Object peak = machine.peakMemory();
            double overhead = timing.overhead();
            long[] times = time("timing", this::infer, warmth.medianNs, 0.1);
            arrays.put("latency_ns", times);
            // But for the frame the graph takes windows as they come.
            arrays.put("end_to_end_ns", card.isWalkingFrame ? timeTurning() : times);
            JSONObject facts = new JSONObject();
            facts.put("machine", machine.readFacts());
            facts.put("after", machine.state());
            facts.put("others_busy", JSONObject.NULL);
            facts.put("runtime", new JSONObject().put("name", engine.runtime()).put("version", engine.version()));
            facts.put("model", new JSONObject().put("input", tensor(engine.input())).put("output", tensor(engine.output())));
            facts.put("pinned_cpu", JSONObject.NULL);
            facts.put("first_ms", firstNs / 1e6);
            facts.put("warm_up", new JSONObject()
                    .put("calls", warmth.calls).put("seconds", warmth.seconds).put("stable", warmth.stable));
            facts.put("harness_overhead_us", overhead / 1e3);
            facts.put("peak_memory_bytes", peak);
            return facts;
        }

        private void infer(int place) {
            engine.run(inputs[place], output);
        }

        private void turnAndInfer(int place) {
            double[][] turned = Mounting.turned(recorded[place], ROTATION, triads);
            FloatBuffer input = inputs[place].asFloatBuffer();
            for (double[] sample : turned) {
                for (int from : places) {
                    input.put((float) sample[from]);
                }
            }
            infer(place);
        }

        private long[] timeTurning() {
            double medianNs = Timing.median(timing.calls(this::turnAndInfer, inputs.length, FEW_CALLS, share -> {}));
            return time("timing end to end", this::turnAndInfer, medianNs, 0.4);
        }

        /** Times of a call that takes {@code medianNs}; a model of the walking frame shares its time between two. */
        private long[] time(String stage, Timing.Call call, double medianNs, double from) {
            double part = card.isWalkingFrame ? 0.5 : 1;
            double callS = job.periodS > 0 ? job.periodS : medianNs / 1e9;
            int runs = job.seconds > 0 ? (int) Math.max(1, part * job.seconds / callS) : job.runs;
            String name = job.periodS > 0 ? stage + ", paced" : stage;
            Timing.Progress told = share -> progress.at(name, from + 0.6 * part * share);
            return job.periodS > 0
                    ? timing.paced(call, inputs.length, runs, job.periodS, told)
                    : timing.calls(call, inputs.length, runs, told);
        }
    }

    /** A few windows from all over the data. */
    private static float[][] some(Windows all, Card card) throws InputError {
        if (all.count() == 0) {
            throw new InputError("the data has no test windows: give others with --data");
        }
        float[][] windows = new float[Math.min(TIMED_WINDOWS, all.count())][];
        for (int i = 0; i < windows.length; i++) {
            int place = windows.length == 1 ? 0 : (int) ((long) i * (all.count() - 1) / (windows.length - 1));
            windows[i] = all.at(place);
            if (windows[i].length != card.samples * card.signals.size()) {
                throw new InputError("the windows do not have the shape that the model '" + card.name + "' takes");
            }
        }
        return windows;
    }

    private static JSONObject tensor(TensorInfo tensor) throws JSONException {
        JSONArray shape = new JSONArray();
        for (int n : tensor.shape) {
            shape.put(n);
        }
        return new JSONObject().put("shape", shape).put("dtype", tensor.dtype);
    }

    private static void answer(File folder, String name, JSONObject facts, Map<String, Object> arrays)
            throws IOException, JSONException {
        byte[] npz = Npy.npz(arrays);
        Streams.write(new File(folder, name + ".npz"), npz);
        JSONObject answer = new JSONObject();
        answer.put("format", 1).put("facts", facts).put("arrays_sha256", Digests.sha256(npz, npz.length));
        Streams.write(new File(folder, name + ".json"), answer.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void fail(File folder, String name, int exitCode, String sentence) throws IOException {
        try {
            JSONObject answer = new JSONObject().put("format", 1).put("error", sentence).put("exit_code", exitCode);
            Streams.write(new File(folder, name + ".json"), answer.toString().getBytes(StandardCharsets.UTF_8));
        } catch (JSONException error) {
            throw new IOException(error);
        }
    }
}
