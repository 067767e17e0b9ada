package haredge.demo;

import android.app.Service;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;
import android.os.Binder;
import android.os.Build;
import android.os.IBinder;
import android.os.Process;
import android.util.Log;
import haredge.bench.Machine;
import haredge.bench.Worker;
import java.io.File;
import java.io.IOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Does one job of a benchmark in a process of its own, which ends with it. */
public final class BenchService extends Service {
    static final String JOB = "job";
    static final String ANSWERS = "answers";

    /** What a computer listens to with {@code adb logcat}: a line of JSON each. */
    static final String TAG = "har-edge-bench";

    @Override
    public IBinder onBind(Intent intent) {
        File job = new File(intent.getStringExtra(JOB));
        File answers = new File(intent.getStringExtra(ANSWERS));
        new Thread(() -> work(job, answers), "har-edge bench").start();
        return new Binder();
    }

    private void work(File job, File answers) {
        try {
            TfLiteEngine.load();
            Machine machine = new Machine(facts());
            new Worker(TfLiteEngine::new, machine, BenchService::report).run(job, answers);
        } catch (IOException error) {
            Log.e(TAG, "no answer to " + job, error);
        } finally {
            Process.killProcess(Process.myPid());
        }
    }

    private static void report(String stage, double share) {
        Log.i(TAG, String.format(Locale.ROOT, "{\"stage\": \"%s\", \"share\": %.3f}", stage, share));
    }

    /** What only Android knows of the phone. */
    private Map<String, Object> facts() {
        Map<String, Object> facts = new HashMap<>();
        facts.put("board", Build.MANUFACTURER + " " + Build.MODEL);
        facts.put("os", "Android " + Build.VERSION.RELEASE);
        facts.put("virtual", Build.HARDWARE.equals("ranchu") || Build.HARDWARE.equals("goldfish"));
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && !Build.SOC_MODEL.equals(Build.UNKNOWN)) {
            facts.put("cpu", Build.SOC_MANUFACTURER + " " + Build.SOC_MODEL);
        }
        facts.put("power_source", powerSource());
        return facts;
    }

    private String powerSource() {
        Intent battery = registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
        int plugged = battery == null ? -1 : battery.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0);
        return plugged < 0 ? null : plugged == 0 ? "battery" : "mains";
    }
}
