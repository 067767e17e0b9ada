package haredge.demo;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;
import android.os.Build;
import java.util.HashMap;
import java.util.Map;

/** Tells what only Android knows of the phone, for the facts of a benchmark. */
final class Phone {
    private Phone() {}

    static Map<String, Object> facts(Context context) {
        Map<String, Object> facts = new HashMap<>();
        facts.put("board", Build.MANUFACTURER + " " + Build.MODEL);
        facts.put("os", "Android " + Build.VERSION.RELEASE);
        facts.put("virtual", Build.HARDWARE.equals("ranchu") || Build.HARDWARE.equals("goldfish"));
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && !Build.SOC_MODEL.equals(Build.UNKNOWN)) {
            facts.put("cpu", Build.SOC_MANUFACTURER + " " + Build.SOC_MODEL);
        }
        facts.put("power_source", powerSource(context));
        return facts;
    }

    private static String powerSource(Context context) {
        Intent battery = context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
        if (battery == null) {
            return null;
        }
        return battery.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) == 0 ? "battery" : "mains";
    }
}
