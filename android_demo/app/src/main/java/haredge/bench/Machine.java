package haredge.bench;

import haredge.core.Streams;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Describes the device and its state, with the names of {@code edge_runtime/bench/machine.py}; null where it is unknown.
 *
 * <p>Android keeps much of {@code /proc} and {@code /sys} from apps: load, temperatures and the work of others are not to
 * be had.
 */
public final class Machine {
    private static final String[] FEATURES = {
        "asimd", "asimdhp", "asimddp", "i8mm", "sve", "sve2", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni"
    };
    private static final Pattern NAME = Pattern.compile("(?m)^model name\\s*:\\s*(.+)$");
    private static final Pattern PART = Pattern.compile("(?m)^CPU part\\s*:\\s*(\\S+)");
    private static final Pattern FLAGS = Pattern.compile("(?m)^(?:Features|flags)\\s*:\\s*(.+)$");
    private static final Pattern PEAK = Pattern.compile("(?m)^VmHWM:\\s+(\\d+) kB");

    private final File root;
    private final Map<String, Object> told;

    /**
     * {@code root} is {@code /}, or a folder laid out like it. {@code told} is what only the platform knows: {@code
     * board}, {@code cpu}, {@code os}, {@code virtual} and {@code power_source}, as far as it does.
     */
    public Machine(File root, Map<String, Object> told) {
        this.root = root;
        this.told = told;
    }

    JSONObject readFacts() throws JSONException {
        JSONObject facts = new JSONObject();
        facts.put("machine", System.getProperty("os.arch"));
        facts.put("board", orNull(told.get("board")));
        facts.put("cpu", orNull(told.get("cpu") == null ? cpu() : told.get("cpu")));
        facts.put("cores", Runtime.getRuntime().availableProcessors());
        facts.put("features", orNull(features()));
        facts.put("caches", JSONObject.NULL);
        facts.put("max_clock_khz", orNull(number("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")));
        facts.put("virtual", orNull(told.get("virtual")));
        facts.put("emulated", false);
        facts.put("kernel", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put("os", orNull(told.get("os")));
        facts.put("libc", JSONObject.NULL);
        facts.put("python", JSONObject.NULL);
        facts.put("numpy", JSONObject.NULL);
        facts.put("governor", orNull(governor()));
        facts.put("load_average", JSONObject.NULL);
        return facts;
    }

    JSONObject state() throws JSONException {
        JSONObject state = new JSONObject();
        state.put("time", System.currentTimeMillis() / 1e3);
        for (String unknown : new String[] {
            "load_average", "firmware_clock_khz", "temperatures_c", "throttled", "cpu_times_s"
        }) {
            state.put(unknown, JSONObject.NULL);
        }
        state.put("governor", orNull(governor()));
        state.put("governors", governor() == null ? JSONObject.NULL : new JSONObject().put(governor(), 1));
        state.put("clock_khz", orNull(clock()));
        state.put("power_source", orNull(told.get("power_source")));
        return state;
    }

    /** The most memory that this process has held so far, in bytes. */
    Object peakMemory() {
        Matcher found = PEAK.matcher(read("proc/self/status"));
        return found.find() ? (Object) (Long.parseLong(found.group(1)) * 1024) : JSONObject.NULL;
    }

    private String governor() {
        String text = read("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").trim();
        return text.isEmpty() ? null : text;
    }

    private JSONObject clock() throws JSONException {
        Map<String, String> files = new LinkedHashMap<>();
        files.put("current", "scaling_cur_freq");
        files.put("minimum", "scaling_min_freq");
        files.put("maximum", "scaling_max_freq");
        JSONObject clock = new JSONObject();
        boolean known = false;
        for (Map.Entry<String, String> file : files.entrySet()) {
            Long khz = number("sys/devices/system/cpu/cpu0/cpufreq/" + file.getValue());
            clock.put(file.getKey(), orNull(khz));
            known |= khz != null;
        }
        return known ? clock : null;
    }

    private String cpu() {
        String text = read("proc/cpuinfo");
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
        Matcher found = FLAGS.matcher(read("proc/cpuinfo"));
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

    private Long number(String path) {
        try {
            return Long.valueOf(read(path).trim());
        } catch (NumberFormatException error) {
            return null;
        }
    }

    /** The file's text, empty where it may not be read. */
    private String read(String path) {
        try (InputStream file = new FileInputStream(new File(root, path))) {
            return new String(Streams.readAll(file, 1 << 20), StandardCharsets.UTF_8);
        } catch (IOException | SecurityException error) {
            return "";
        }
    }

    private static Object orNull(Object value) {
        return value == null ? JSONObject.NULL : value;
    }
}
