package haredge.bench;

import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Streams;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import org.json.JSONException;
import org.json.JSONObject;

/** Runs a benchmark on the phone alone: models take turns in fresh processes, as with {@code har-edge bench}. */
public final class OwnBench {
    public static final int ROUNDS = 10;
    public static final int RUNS = 3000;

    /** Does the job in the file {@code asked} in a fresh process, and returns when its answer is there. */
    public interface Launcher {
        void run(File asked) throws IOException;
    }

    /** The answer of one fresh process: plain facts, and arrays by name. */
    static final class Answer {
        final JSONObject facts;
        final Map<String, Object> arrays;

        Answer(File folder, String name) throws IOException, InputError, JSONException {
            byte[] text = Streams.readAll(new File(folder, name + ".json"));
            JSONObject content = new JSONObject(new String(text, StandardCharsets.UTF_8));
            if (content.has("error")) {
                throw new InputError(content.getString("error"));
            }
            facts = content.getJSONObject("facts");
            arrays = Npy.arrays(Streams.readAll(new File(folder, name + ".npz")));
        }
    }

    private static final String WINDOWS = "windows.npy";

    private final File folder;
    private final TestWindows windows;
    private final List<ModelFile> models;
    private final int rounds;
    private final int runs;
    private final String version;

    /** Per model, {@code runs} timed inferences are divided among {@code rounds}; all files go into {@code folder}. */
    public OwnBench(
            File folder, TestWindows windows, List<ModelFile> models, int rounds, int runs, String version) {
        this.folder = folder;
        this.windows = windows;
        this.models = models;
        this.rounds = rounds;
        this.runs = runs;
        this.version = version;
    }

    /** The report as JSON. Throws {@link InputError} when a worker failed, {@link IOException} when one left nothing. */
    public String run(Launcher launcher, Worker.Progress progress) throws IOException, InputError {
        try {
            lay();
            List<List<Answer>> answers = new ArrayList<>();
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < models.size(); i++) {
                    progress.at(models.get(i).name, (double) (round * models.size() + i) / (rounds * models.size()));
                    if (round == 0) {
                        answers.add(new ArrayList<>());
                    }
                    answers.get(i).add(turn(launcher, models.get(i), round));
                }
            }
            Report report = new Report(windows, version, runs, rounds);
            for (int i = 0; i < models.size(); i++) {
                report.add(models.get(i), answers.get(i));
            }
            return report.toJson(now()).toString(1);
        } catch (JSONException error) {
            throw new IOException(error);
        }
    }

    private void lay() throws IOException, InputError {
        for (ModelFile model : models) {
            if (model.card.isWalkingFrame) {
                throw new InputError(model.name + " takes windows in the walking frame, and this app's are in the "
                        + "phone's: measure it with 'har-edge bench --on adb:'");
            }
            Streams.write(new File(folder, model.name), model.content);
        }
        Npy.save(windows, models.get(0).card.samples, models.get(0).card.signals.size(), new File(folder, WINDOWS));
    }

    private Answer turn(Launcher launcher, ModelFile model, int round)
            throws IOException, InputError, JSONException {
        String name = round + "-" + model.name;
        JSONObject job = new JSONObject();
        job.put("format", 1).put("name", name).put("task", "measure");
        job.put("model", model.name).put("title", model.name).put("threads", 1).put("windows", WINDOWS);
        job.put("runs", runs * (round + 1) / rounds - runs * round / rounds);
        job.put("seconds", JSONObject.NULL).put("period_s", 0).put("score", round == 0);
        File asked = new File(folder, name + ".job.json");
        Streams.write(asked, job.toString().getBytes(StandardCharsets.UTF_8));
        launcher.run(asked);
        return new Answer(folder, name);
    }

    private static String now() {
        SimpleDateFormat format = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'+00:00'", Locale.ROOT);
        format.setTimeZone(TimeZone.getTimeZone("UTC"));
        return format.format(new Date());
    }
}
