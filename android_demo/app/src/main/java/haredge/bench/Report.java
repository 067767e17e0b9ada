package haredge.bench;

import haredge.core.Classifier;
import haredge.core.Digests;
import haredge.core.ModelFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Writes the results of a benchmark without a computer as {@code edge_runtime/bench.schema.json} has them. */
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
    void add(ModelFile model, List<OwnBench.Answer> turns) throws JSONException {
        JSONObject facts = turns.get(0).facts;
        float[][] logits = (float[][]) turns.get(0).arrays.get("logits");
        JSONObject runtime = facts.getJSONObject("runtime");
        JSONObject warmUp = warmUp(turns);
        results.put(new JSONObject()
                .put("model", model.card.name)
                .put("file", model.name)
                .put("sha256", Digests.sha256(model.content, model.content.length))
                .put("runtime", runtime.getString("name"))
                .put("runtime_version", runtime.get("version"))
                .put("quantization", model.card.content.getJSONObject("quantisation").getString("scheme"))
                .put("threads", 1)
                .put("pinned_cpu", JSONObject.NULL)
                .put("size_bytes", model.content.length)
                .put("operators", operators(model.flatbuffer))
                .put("xnnpack_operators", JSONObject.NULL)
                .put("load_ms", median(turns, "load_ms"))
                .put("first_ms", median(turns, "first_ms"))
                .put("latency_ms", latency(turns, "latency_ns"))
                .put("end_to_end_ms", latency(turns, "end_to_end_ns"))
                .put("peak_memory_bytes", facts.get("peak_memory_bytes"))
                .put("baseline_memory_bytes", facts.get("baseline_memory_bytes"))
                .put("labels", new JSONArray(model.card.labels))
                .put("agreement", JSONObject.NULL)
                .put("doubts", doubts(turns, warmUp))
                .put("samples_ms", new JSONObject()
                        .put("latency", samples(turns, "latency_ns"))
                        .put("end_to_end", samples(turns, "end_to_end_ns")))
                .put("warm_up", warmUp)
                .put("raw_input", true)
                .put("frame", model.card.content.getString("frame")));
        score(results.getJSONObject(results.length() - 1), logits, model.card.labels.size());
        if (device == null) {
            device = new JSONObject(facts.getJSONObject("machine").toString());
            period = model.card.hop / model.card.rateHz;
            device.put("name", "phone").put("runtime", runtime).put("before", facts.get("before"));
        }
        device.put("after", turns.get(turns.size() - 1).facts.get("after"));
        for (OwnBench.Answer turn : turns) {
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

    private void score(JSONObject result, float[][] logits, int labels) throws JSONException {
        int[][] confusion = new int[labels][labels];
        Map<Integer, int[]> people = new TreeMap<>();
        int right = 0;
        for (int i = 0; i < logits.length; i++) {
            int answer = Classifier.argmax(logits[i]);
            int isRight = answer == data.classOf(i) ? 1 : 0;
            confusion[data.classOf(i)][answer]++;
            right += isRight;
            int[] count = people.computeIfAbsent(data.subjectOf(i), subject -> new int[2]);
            count[0] += isRight;
            count[1]++;
        }
        JSONObject perSubject = new JSONObject();
        for (Map.Entry<Integer, int[]> entry : people.entrySet()) {
            perSubject.put(String.valueOf(entry.getKey()), (double) entry.getValue()[0] / entry.getValue()[1]);
        }
        result.put("windows", data.count()).put("accuracy", (double) right / data.count());
        result.put("macro_f1", macroF1(confusion)).put("confusion", new JSONArray(confusion));
        result.put("per_subject", perSubject);
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

    private static JSONObject latency(List<OwnBench.Answer> turns, String key) throws JSONException {
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

    private static JSONArray samples(List<OwnBench.Answer> turns, String key) throws JSONException {
        JSONArray rounds = new JSONArray();
        for (OwnBench.Answer turn : turns) {
            LongStream times = Arrays.stream((long[]) turn.arrays.get(key));
            rounds.put(new JSONArray(times.mapToDouble(ns -> Math.rint(ns / 10.0) / 1e5).toArray())); // ms, to 10 ns
        }
        return rounds;
    }

    private static JSONObject warmUp(List<OwnBench.Answer> turns) throws JSONException {
        int calls = 0;
        double seconds = 0;
        int stable = 0;
        for (OwnBench.Answer turn : turns) {
            JSONObject record = turn.facts.getJSONObject("warm_up");
            calls += record.getInt("calls");
            seconds += record.getDouble("seconds");
            stable += record.getBoolean("stable") ? 1 : 0;
        }
        return new JSONObject().put("calls", calls).put("seconds", seconds).put("stable", 2 * stable > turns.size());
    }

    private static JSONArray doubts(List<OwnBench.Answer> turns, JSONObject warmUp) throws JSONException {
        JSONArray doubts = new JSONArray();
        doubts.put("measured by the phone alone, without a control and intervals: use 'har-edge bench --on adb:'");
        if ("battery".equals(turns.get(0).facts.getJSONObject("after").opt("power_source"))) {
            doubts.put("the phone ran on its battery, which saves power at the cost of speed: plug it in");
        }
        if (!warmUp.getBoolean("stable")) {
            doubts.put("the times did not settle during warm-up in most rounds: let the phone come to rest");
        }
        return doubts;
    }

    private static double median(List<OwnBench.Answer> turns, String key) throws JSONException {
        List<Double> values = new ArrayList<>();
        for (OwnBench.Answer turn : turns) {
            values.add(turn.facts.getDouble(key));
        }
        return median(values);
    }

    private static double median(List<Double> values) {
        return percentile(values.stream().mapToDouble(x -> x).sorted().toArray(), 50);
    }

    /** Count the operators, which the interpreter does not tell (schema.fbs: SubGraph.operators). */
    private static int operators(byte[] flatbuffer) {
        ByteBuffer bytes = ByteBuffer.wrap(flatbuffer).order(ByteOrder.LITTLE_ENDIAN);
        int subgraphs = vector(bytes, follow(bytes, 0), 2);
        return bytes.getInt(vector(bytes, follow(bytes, subgraphs + 4), 3));
    }

    /** The place of the vector in field {@code field} of the table at {@code table}. */
    private static int vector(ByteBuffer bytes, int table, int field) {
        int fields = table - bytes.getInt(table);
        return follow(bytes, table + bytes.getShort(fields + 4 + 2 * field));
    }

    private static int follow(ByteBuffer bytes, int at) {
        return at + bytes.getInt(at);
    }
}
