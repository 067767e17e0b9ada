package haredge.bench;

import haredge.core.Streams;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Describes the device and its state as {@code edge_runtime/bench/machine.py}; null where it is unknown. */
public final class Machine {
    private static final String[] FEATURES = {
        "asimd", "asimdhp", "asimddp", "i8mm", "sve", "sve2", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni"
    };
    private static final Pattern NAME = Pattern.compile("(?m)^model name\\s*:\\s*(.+)$");
    private static final Pattern PART = Pattern.compile("(?m)^CPU part\\s*:\\s*(\\S+)");
    private static final Pattern FLAGS = Pattern.compile("(?m)^(?:Features|flags)\\s*:\\s*(.+)$");

    private static final String CLOCK = "/sys/devices/system/cpu/cpu0/cpufreq/";

    private final Map<String, Object> told;

    /** The platform knows {@code board}, {@code cpu}, {@code os}, {@code virtual} and {@code power_source}. */
    public Machine(Map<String, Object> told) {
        this.told = told;
    }

    JSONObject readFacts() throws JSONException {
        JSONObject facts = nulls("libc", "python", "numpy", "load_average");
        facts.put("machine", System.getProperty("os.arch"));
        facts.put("board", orNull(told.get("board")));
        facts.put("cpu", orNull(told.get("cpu") == null ? cpu() : told.get("cpu")));
        facts.put("cores", Runtime.getRuntime().availableProcessors());
        facts.put("features", orNull(features()));
        facts.put("max_clock_khz", orNull(number("cpuinfo_max_freq")));
        facts.put("virtual", orNull(told.get("virtual")));
        facts.put("emulated", false);
        facts.put("kernel", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put("os", orNull(told.get("os")));
        facts.put("governor", orNull(governor()));
        return facts;
    }

    JSONObject state() throws JSONException {
        JSONObject state = nulls("load_average", "firmware_clock_khz", "temperatures_c", "throttled", "cpu_times_s");
        state.put("time", System.currentTimeMillis() / 1e3);
        state.put("governor", orNull(governor()));
        state.put("clock_khz", orNull(clock()));
        state.put("power_source", orNull(told.get("power_source")));
        return state;
    }

    private String governor() {
        String text = read(CLOCK + "scaling_governor").trim();
        return text.isEmpty() ? null : text;
    }

    private JSONObject clock() throws JSONException {
        Long least = number("scaling_min_freq");
        return least == null ? null : new JSONObject()
                .put("current", orNull(number("scaling_cur_freq")))
                .put("minimum", least)
                .put("maximum", orNull(number("scaling_max_freq")));
    }

    private String cpu() {
        String text = read("/proc/cpuinfo");
        Set<String> names = new LinkedHashSet<>();
        for (Pattern pattern : new Pattern[] {NAME, PART}) {
            Matcher found = pattern.matcher(text);
            while (found.find()) {
                names.add(found.group(1));
            }
        }
        return names.isEmpty() ? null : String.join(" + ", names);
    }

    private JSONArray features() {
        Matcher found = FLAGS.matcher(read("/proc/cpuinfo"));
        if (!found.find()) {
            return null;
        }
        String flags = " " + found.group(1) + " ";
        JSONArray names = new JSONArray();
        for (String name : FEATURES) {
            if (flags.contains(" " + name + " ")) {
                names.put(name);
            }
        }
        return names;
    }

    private static Long number(String name) {
        try {
            return Long.valueOf(read(CLOCK + name).trim());
        } catch (NumberFormatException error) {
            return null;
        }
    }

    private static String read(String path) {
        try (InputStream file = new FileInputStream(path)) {
            return new String(Streams.readAll(file, 1 << 20), StandardCharsets.UTF_8);
        } catch (IOException | SecurityException error) {
            return "";
        }
    }

    private static JSONObject nulls(String... names) throws JSONException {
        JSONObject nulls = new JSONObject();
        for (String name : names) {
            nulls.put(name, JSONObject.NULL);
        }
        return nulls;
    }

    private static Object orNull(Object value) {
        return value == null ? JSONObject.NULL : value;
    }
}
