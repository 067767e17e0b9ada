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
import java.util.function.DoubleConsumer;
import java.util.function.IntConsumer;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Measures in one fresh process, by the method of {@code edge_runtime/bench/measurement_worker.py}. */
public final class Worker {
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

    // Turning takes as long as by any other rotation.
    private static final double[][] ROTATION = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};

    private final Engine.Factory factory;
    private final Machine machine;
    private final Progress progress;

    public Worker(Engine.Factory factory, Machine machine, Progress progress) {
        this.factory = factory;
        this.machine = machine;
        this.progress = progress;
    }

    /** Do the job in the file {@code asked}; leave an answer in {@code answers}, or throw {@link IOException}. */
    public void run(File asked, File answers) throws IOException {
        String name = asked.getName().replace(".job.json", "");
        try {
            JSONObject answer;
            try {
                answer = measure(asked, answers);
            } catch (InputError error) {
                answer = failure(BAD_INPUT, error.getMessage());
            } catch (OutOfMemoryError error) {
                answer = failure(DEVICE_TROUBLE, "too little memory: close other apps");
            }
            Streams.write(new File(answers, name + ".json"), answer.toString().getBytes(StandardCharsets.UTF_8));
        } catch (JSONException error) {
            throw new IOException(error);
        }
    }

    private JSONObject measure(File asked, File answers) throws IOException, InputError, JSONException {
        Job job = new Job(new String(Streams.readAll(asked), StandardCharsets.UTF_8));
        File folder = asked.getParentFile();
        Windows windows = Npy.map(new File(folder, job.windows));
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
            byte[] npz = Npy.npz(arrays);
            Streams.write(new File(answers, job.name + ".npz"), npz);
            String digest = Digests.sha256(npz, npz.length);
            return new JSONObject().put("format", 1).put("facts", facts).put("arrays_sha256", digest);
        }
    }

    private float[][] score(Classifier classifier, Windows windows) {
        float[][] logits = new float[windows.count][];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = classifier.logits(windows.at(i));
            if ((i + 1) * 10 / logits.length > i * 10 / logits.length) {
                progress.at("classifying", 0.7 + 0.3 * (i + 1) / logits.length);
            }
        }
        return logits;
    }

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
            Timing.Warmth warmth = Timing.warmUp(this::infer, inputs.length, WARM_UP_SECONDS, MOST_WARM_UP_SECONDS);
            Object peak = machine.peakMemory();
            double overhead = Timing.overhead();
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
            double medianNs = Timing.median(Timing.calls(this::turnAndInfer, inputs.length, FEW_CALLS, share -> {}));
            return time("timing end to end", this::turnAndInfer, medianNs, 0.4);
        }

        /** Times of a call that takes {@code medianNs}; a model of the walking frame shares its time between two. */
        private long[] time(String stage, IntConsumer call, double medianNs, double from) {
            double part = card.isWalkingFrame ? 0.5 : 1;
            double callS = job.periodS > 0 ? job.periodS : medianNs / 1e9;
            int runs = job.seconds > 0 ? (int) Math.max(1, part * job.seconds / callS) : job.runs;
            String name = job.periodS > 0 ? stage + ", paced" : stage;
            DoubleConsumer told = share -> progress.at(name, from + 0.6 * part * share);
            return job.periodS > 0
                    ? Timing.paced(call, inputs.length, runs, job.periodS, told)
                    : Timing.calls(call, inputs.length, runs, told);
        }
    }

    private static float[][] some(Windows all, Card card) throws InputError {
        if (all.count == 0) {
            throw new InputError("the data has no test windows: give others with --data");
        }
        float[][] windows = new float[Math.min(TIMED_WINDOWS, all.count)][];
        for (int i = 0; i < windows.length; i++) {
            int place = windows.length == 1 ? 0 : (int) ((long) i * (all.count - 1) / (windows.length - 1));
            windows[i] = all.at(place);
            if (windows[i].length != card.samples * card.signals.size()) {
                throw new InputError("the windows do not have the shape that the model '" + card.name + "' takes");
            }
        }
        return windows;
    }

    private static JSONObject tensor(TensorInfo tensor) throws JSONException {
        return new JSONObject().put("shape", new JSONArray(tensor.shape)).put("dtype", tensor.dtype);
    }

    private static JSONObject failure(int exitCode, String sentence) throws JSONException {
        return new JSONObject().put("format", 1).put("error", sentence).put("exit_code", exitCode);
    }

    /** One task for one process, as {@code edge_runtime/bench/measurement_job.py} writes it. */
    private static final class Job {
        final String name;
        final String model;
        final String title;
        final int threads;
        final String windows;
        final int runs;
        final double seconds;
        final double periodS;
        final boolean score;

        /** {@code seconds} is 0 where {@code runs} counts. Throws {@link InputError} when {@code text} is no such job. */
        Job(String text) throws InputError {
            try {
                JSONObject content = new JSONObject(text);
                if (content.getInt("format") != 1) {
                    throw new InputError("the job was written by another version of har-edge: install the app again");
                }
                name = content.getString("name");
                model = content.getString("model");
                title = content.getString("title");
                threads = content.getInt("threads");
                windows = content.getString("windows");
                runs = content.getInt("runs");
                seconds = content.isNull("seconds") ? 0 : content.getDouble("seconds");
                periodS = content.getDouble("period_s");
                score = content.getBoolean("score");
            } catch (JSONException error) {
                throw new InputError("the job is not complete: " + error.getMessage(), error);
            }
        }
    }
}
