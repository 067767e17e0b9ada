package haredge.bench;

import haredge.core.Engine;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Streams;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Measures models in turns by the method of {@code edge_runtime/bench/measurement_worker.py}, but in one process. */
public final class Worker {
    public interface Progress {
        void at(String stage, double share);
    }

    private static final int FORMAT = 2;
    // As {@code edge_runtime/errors.py} numbers them.
    private static final int BAD_INPUT = 2;
    private static final int DEVICE_TROUBLE = 3;

    private static final int MOST_TURNS = 16;
    private static final int LEAST_TURNS = 3;
    private static final double MOST_ROUND_S = 2;

    private final Engine.Factory factory;
    private final Machine machine;
    private final Progress progress;

    public Worker(Engine.Factory factory, Machine machine, Progress progress) {
        this.factory = factory;
        this.machine = machine;
        this.progress = progress;
    }

    /** Do the job in the file {@code asked}; leave answers in {@code answers}, or throw {@link IOException}. */
    public void run(File asked, File answers) throws IOException {
        File answer = new File(answers, asked.getName().replace(".job.json", ""));
        try {
            JSONObject job = new JSONObject(new String(Streams.readAll(asked), StandardCharsets.UTF_8));
            if (job.getInt("format") == FORMAT) {
                write(answer, measure(job, asked.getParentFile(), answer), new LinkedHashMap<>());
            } else {
                writeError(answer, BAD_INPUT, "the job is from another version of har-edge: install the app again");
            }
        } catch (JSONException error) {
            throw new IOException(error);
        }
    }

    /** Answer for each model, and return the facts of the round. The end of the process frees the models. */
    private JSONObject measure(JSONObject job, File folder, File answer) throws IOException, JSONException {
        JSONObject facts = new JSONObject().put("machine", machine.readFacts()).put("before", machine.state());
        JSONArray models = job.getJSONArray("models");
        Map<Integer, TimedModel> opened = new LinkedHashMap<>();
        for (int i = 0; i < models.length(); i++) {
            progress.at("opening", 0.3 * i / models.length());
            JSONObject model = models.getJSONObject(i);
            String title = model.getString("title");
            try {
                ModelFile file = new ModelFile(Streams.readAll(new File(folder, model.getString("model"))), title);
                Npy.Windows windows = Npy.map(new File(folder, model.getString("windows")));
                opened.put(i, new TimedModel(file, windows, factory, job.getInt("threads")));
            } catch (InputError error) {
                writeError(part(answer, i), BAD_INPUT, error.getMessage());
            } catch (OutOfMemoryError error) {
                writeError(part(answer, i), DEVICE_TROUBLE, "too little memory for " + title + ": close other apps");
            }
        }
        takeTurns(new ArrayList<>(opened.values()), job.getInt("turns"), job.getDouble("period_s"));
        for (Map.Entry<Integer, TimedModel> entry : opened.entrySet()) {
            TimedModel model = entry.getValue();
            Map<String, Object[]> arrays = model.times();
            if (job.getBoolean("score") && models.getJSONObject(entry.getKey()).getBoolean("is_scored")) {
                arrays.put("logits", model.score(progress));
            }
            write(part(answer, entry.getKey()), model.facts(), arrays);
        }
        return facts.put("after", machine.state()).put("others_busy", JSONObject.NULL).put("pinned_cpu", JSONObject.NULL);
    }

    private void takeTurns(List<TimedModel> models, int requested, double periodS) {
        double slicesS = models.stream().mapToDouble(model -> model.sliceS).sum();
        int most = (int) Math.max(LEAST_TURNS, Math.min(MOST_TURNS, MOST_ROUND_S / slicesS));
        int turns = requested > 0 ? requested : most;
        System.gc();
        long start = System.nanoTime();
        for (int turn = 0; turn < turns; turn++) {
            progress.at("timing", 0.3 + 0.4 * turn / turns);
            for (int i = 0; i < models.size(); i++) {
                if (periodS > 0) {
                    double dueS = (turn + (double) i / models.size()) * periodS;
                    Timing.sleepUntil(start + (long) (dueS * 1e9));
                    models.get(i).timeCold();
                } else {
                    models.get(i).timeSlice();
                }
            }
        }
    }

    private static File part(File answer, int i) {
        return new File(answer + "-" + i);
    }

    private static void write(File answer, JSONObject facts, Map<String, Object[]> arrays)
            throws IOException, JSONException {
        if (!arrays.isEmpty()) {
            Streams.write(new File(answer + ".npz"), Npy.npz(arrays));
        }
        writeJson(answer, new JSONObject().put("facts", facts));
    }

    private static void writeError(File answer, int exitCode, String sentence) throws IOException, JSONException {
        writeJson(answer, new JSONObject().put("error", sentence).put("exit_code", exitCode));
    }

    private static void writeJson(File answer, JSONObject content) throws IOException, JSONException {
        byte[] text = content.put("format", FORMAT).toString().getBytes(StandardCharsets.UTF_8);
        Streams.write(new File(answer + ".json"), text);
    }
}
