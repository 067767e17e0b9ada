package haredge.bench;

import haredge.core.Classifier;
import haredge.core.Digests;
import haredge.core.ModelFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Writes the results of a benchmark on the phone alone in the format of {@code edge_runtime/bench.schema.json}.
 *
 * <p>What takes resampling (intervals, the control) is left to {@code har-edge bench --on adb:}, and null here.
 */
final class Report {
    private final TestWindows data;
    private final String version;
    private final int runs;
    private final int rounds;
    private final JSONArray results = new JSONArray();
    private final List<Double> overheads = new ArrayList<>();
    private JSONObject device;
    private double period;

    Report(TestWindows data, String version, int runs, int rounds) {
        this.data = data;
        this.version = version;
        this.runs = runs;
        this.rounds = rounds;
    }

    /** Add the result of {@code model}; the first of {@code turns} has classified all windows. */
    void add(ModelFile model, List<Answer> turns) throws JSONException {
        JSONObject facts = turns.get(0).facts;
        float[][] logits = (float[][]) turns.get(0).arrays.get("logits");
        int[][] confusion = confusion(logits, model.card.labels.size());
        JSONObject result = new JSONObject();
        result.put("model", model.card.name);
        result.put("file", model.name);
        result.put("sha256", Digests.sha256(model.content, model.content.length));
        result.put("runtime", facts.getJSONObject("runtime").getString("name"));
        result.put("runtime_version", facts.getJSONObject("runtime").get("version"));
        result.put("quantization", model.card.content.getJSONObject("quantisation").getString("scheme"));
        result.put("threads", 1);
        result.put("pinned_cpu", JSONObject.NULL);
        result.put("size_bytes", model.content.length);
        result.put("operators", Flatbuffer.operators(model.flatbuffer));
        result.put("xnnpack_operators", JSONObject.NULL);
        result.put("load_ms", medianOf(turns, "load_ms"));
        result.put("first_ms", medianOf(turns, "first_ms"));
        result.put("latency_ms", latency(turns, "latency_ns"));
        result.put("end_to_end_ms", latency(turns, "end_to_end_ns"));
        result.put("peak_memory_bytes", facts.get("peak_memory_bytes"));
        result.put("baseline_memory_bytes", facts.get("baseline_memory_bytes"));
        result.put("labels", new JSONArray(model.card.labels));
        result.put("windows", data.count());
        result.put("accuracy", accuracy(confusion));
        result.put("macro_f1", macroF1(confusion));
        result.put("confusion", rows(confusion));
        result.put("per_subject", perSubject(logits));
        result.put("agreement", JSONObject.NULL);
        result.put("doubts", doubts(turns));
        result.put("samples_ms", new JSONObject()
                .put("latency", samples(turns, "latency_ns")).put("end_to_end", samples(turns, "end_to_end_ns")));
        result.put("warm_up", warmUp(turns));
        result.put("raw_input", true);
        result.put("frame", model.card.content.getString("frame"));
        results.put(result);
        if (device == null) {
            device = new JSONObject(facts.getJSONObject("machine").toString());
            period = model.card.hop / model.card.rateHz;
            device.put("name", "phone").put("runtime", facts.get("runtime")).put("before", facts.get("before"));
        }
        device.put("after", turns.get(turns.size() - 1).facts.get("after"));
        for (Answer turn : turns) {
            overheads.add(turn.facts.getDouble("harness_overhead_us"));
        }
    }

    /** The whole report; {@code created} is ISO 8601 in UTC. */
    JSONObject toJson(String created) throws JSONException {
        JSONObject settings = new JSONObject();
        settings.put("mode", "back-to-back").put("threads", 1).put("runs", runs).put("rounds", rounds);
        settings.put("duration_s", JSONObject.NULL).put("runtime", "auto").put("control", false).put("paced", false);
        settings.put("harness_overhead_us", median(overheads));
        return new JSONObject()
                .put("format", 1)
                .put("device", device)
                .put("data", new JSONObject()
                        .put("name", data.name).put("fingerprint", data.fingerprint).put("windows", data.count())
                        .put("period_s", period))
                .put("results", results)
                .put("har_edge", version)
                .put("created", created)
                .put("settings", settings)
                .put("comparisons", new JSONArray())
                .put("control", JSONObject.NULL)
                .put("failures", new JSONArray());
    }

    private int[][] confusion(float[][] logits, int labels) {
        int[][] confusion = new int[labels][labels];
        for (int i = 0; i < logits.length; i++) {
            confusion[data.classOf(i)][Classifier.argmax(logits[i])]++;
        }
        return confusion;
    }

    private static double accuracy(int[][] confusion) {
        int right = 0;
        int all = 0;
        for (int i = 0; i < confusion.length; i++) {
            right += confusion[i][i];
            all += Arrays.stream(confusion[i]).sum();
        }
        return (double) right / all;
    }

    private static double macroF1(int[][] confusion) {
        double sum = 0;
        int occurring = 0;
        for (int i = 0; i < confusion.length; i++) {
            int truth = 0;
            int answers = 0;
            for (int j = 0; j < confusion.length; j++) {
                truth += confusion[i][j];
                answers += confusion[j][i];
            }
            if (truth > 0) {
                sum += 2.0 * confusion[i][i] / (truth + answers);
                occurring++;
            }
        }
        return sum / occurring;
    }

    private JSONObject perSubject(float[][] logits) throws JSONException {
        Map<Integer, int[]> counts = new TreeMap<>();
        for (int i = 0; i < logits.length; i++) {
            int[] count = counts.computeIfAbsent(data.subjectOf(i), subject -> new int[2]);
            count[0] += Classifier.argmax(logits[i]) == data.classOf(i) ? 1 : 0;
            count[1]++;
        }
        JSONObject shares = new JSONObject();
        for (Map.Entry<Integer, int[]> entry : counts.entrySet()) {
            shares.put(String.valueOf(entry.getKey()), (double) entry.getValue()[0] / entry.getValue()[1]);
        }
        return shares;
    }

    /** Percentiles as numpy's, interpolated linearly. */
    private static JSONObject latency(List<Answer> turns, String key) throws JSONException {
        double[] all = turns.stream()
                .flatMapToDouble(turn -> Arrays.stream((long[]) turn.arrays.get(key)).mapToDouble(ns -> ns / 1e6))
                .sorted().toArray();
        double p50 = percentile(all, 50);
        double[] deviations = Arrays.stream(all).map(x -> Math.abs(x - p50)).sorted().toArray();
        return new JSONObject()
                .put("p50", p50)
                .put("p90", percentile(all, 90))
                .put("p95", percentile(all, 95))
                .put("p99", percentile(all, 99))
                .put("mean", Arrays.stream(all).average().getAsDouble())
                .put("min", all[0])
                .put("max", all[all.length - 1])
                .put("runs", all.length)
                .put("mad", percentile(deviations, 50))
                .put("p50_ci95", JSONObject.NULL);
    }

    private static double percentile(double[] sorted, double percent) {
        double place = percent / 100 * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    private static JSONArray samples(List<Answer> turns, String key) throws JSONException {
        JSONArray rounds = new JSONArray();
        for (Answer turn : turns) {
            JSONArray times = new JSONArray();
            for (long ns : (long[]) turn.arrays.get(key)) {
                times.put(Math.rint(ns / 10.0) / 1e5); // milliseconds, to 10 ns
            }
            rounds.put(times);
        }
        return rounds;
    }

    private static JSONObject warmUp(List<Answer> turns) throws JSONException {
        int calls = 0;
        double seconds = 0;
        int stable = 0;
        for (Answer turn : turns) {
            JSONObject record = turn.facts.getJSONObject("warm_up");
            calls += record.getInt("calls");
            seconds += record.getDouble("seconds");
            stable += record.getBoolean("stable") ? 1 : 0;
        }
        return new JSONObject().put("calls", calls).put("seconds", seconds).put("stable", 2 * stable > turns.size());
    }

    private static JSONArray doubts(List<Answer> turns) throws JSONException {
        JSONArray doubts = new JSONArray();
        doubts.put("measured by the phone alone, without a control and intervals: use 'har-edge bench --on adb:'");
        for (Answer turn : turns) {
            if ("battery".equals(turn.facts.getJSONObject("after").opt("power_source"))) {
                doubts.put("the phone ran on its battery, which saves power at the cost of speed: plug it in");
                break;
            }
        }
        if (!warmUp(turns).getBoolean("stable")) {
            doubts.put("the times did not settle during warm-up in most rounds: let the phone come to rest");
        }
        return doubts;
    }

    private static double medianOf(List<Answer> turns, String key) throws JSONException {
        List<Double> values = new ArrayList<>();
        for (Answer turn : turns) {
            values.add(turn.facts.getDouble(key));
        }
        return median(values);
    }

    private static double median(List<Double> values) {
        return percentile(values.stream().mapToDouble(x -> x).sorted().toArray(), 50);
    }

    private static JSONArray rows(int[][] confusion) throws JSONException {
        JSONArray rows = new JSONArray();
        for (int[] row : confusion) {
            JSONArray counts = new JSONArray();
            for (int count : row) {
                counts.put(count);
            }
            rows.put(counts);
        }
        return rows;
    }
}
