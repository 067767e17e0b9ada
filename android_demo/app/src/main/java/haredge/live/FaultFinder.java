package haredge.live;

import haredge.core.FrontEnd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Detects faults of a sensor in blocks of 4 s, as {@code edge_runtime/signals/sensor_faults.py} does. */
final class FaultFinder {
    private static final double MAX_ACCELERATION_G = 100.0; // several times what sensors for people measure
    private static final double MAX_ROTATION_RAD_S = 200.0;
    private static final double LOOKED_AT_S = 4.0;
    private static final int REPEAT_AFTER = 15; // blocks without a fault before it is said again
    private static final double BREAK_S = 1.0; // what a block must not bridge
    private static final int MOST_SAMPLES = 4000; // of a block: clocks that stand still would never end it
    private static final double LEAST_GRAVITY = 0.5; // g
    private static final double MOST_ACCELERATION = 2.0; // g
    private static final double MOST_ROTATION = 6.0; // rad/s
    private static final double SLOW = 0.8; // of the rate
    static final double HALF_US = 5e-7; // seconds: times are whole microseconds, but for rounding
    private static final int PLATEAU = 4; // the same value so often in a row and for so long, far from rest, is a limit
    private static final double PLATEAU_S = 0.06;
    private static final double[] PLATEAU_FROM = {1.5, 3.0}; // g, rad/s
    private static final double[] MOVED = {0.05, 0.2}; // g, rad/s: beside such a deviation no axis is constant

    private final int sensors;
    private final List<double[]> samples = new ArrayList<>();
    private final List<Double> seconds = new ArrayList<>();
    private final Map<Notice.Kind, Integer> blocksSince = new EnumMap<>(Notice.Kind.class); // blocks since a fault was seen
    private double stuckSince = Double.POSITIVE_INFINITY;
    private double stuckUntil = Double.NEGATIVE_INFINITY;

    /** For a model that uses the first {@code sensors}: the accelerometer, or the gyroscope too. */
    FaultFinder(int sensors) {
        this.sensors = sensors;
    }

    /** Whether a sensor can have measured a sample of six channels, g and rad/s; NaN is none. */
    static boolean isMeasurement(double[] sample) {
        boolean possible = true;
        for (int channel = 0; channel < sample.length; channel++) {
            double limit = channel < 3 ? MAX_ACCELERATION_G : MAX_ROTATION_RAD_S;
            possible &= Math.abs(sample[channel]) <= limit;
        }
        return possible;
    }

    /** Take a sample; give what is wrong from now on. */
    List<Notice> look(double second, double[] sample) {
        List<Notice> notices = Collections.emptyList();
        int size = samples.size();
        if (size == MOST_SAMPLES || size > 0 && Math.abs(second - seconds.get(size - 1)) > BREAK_S + HALF_US) {
            samples.clear();
            seconds.clear();
        } else if (size > 0 && second - seconds.get(0) >= LOOKED_AT_S - HALF_US) {
            notices = judge(second);
            samples.clear();
            seconds.clear();
        }
        samples.add(sample.clone());
        seconds.add(second);
        return notices;
    }

    boolean isStuckAt(double second) {
        return second >= stuckSince && second < stuckUntil;
    }

    private List<Notice> judge(double now) {
        Map<Notice.Kind, Double> found = new EnumMap<>(Notice.Kind.class);
        double rate = rate();
        units(found);
        if (!stuck(found) && found.isEmpty()) {
            saturated(found, rate);
        }
        if (isSlow()) {
            found.put(Notice.Kind.RATE, rate);
        }
        follow(now, found.containsKey(Notice.Kind.CONSTANT));
        List<Notice> notices = new ArrayList<>();
        for (Map.Entry<Notice.Kind, Double> fault : found.entrySet()) {
            if (!blocksSince.containsKey(fault.getKey())) {
                notices.add(new Notice(now, fault.getKey(), fault.getValue()));
            }
        }
        blocksSince.values().removeIf(n -> n >= REPEAT_AFTER);
        blocksSince.replaceAll((kind, n) -> n + 1);
        for (Notice.Kind kind : found.keySet()) {
            blocksSince.put(kind, 0);
        }
        return notices;
    }

    private void follow(double now, boolean stuck) {
        if (stuck && stuckUntil != Double.POSITIVE_INFINITY) {
            stuckSince = now;
            stuckUntil = Double.POSITIVE_INFINITY;
        } else if (!stuck && stuckUntil == Double.POSITIVE_INFINITY) {
            stuckUntil = now;
        }
    }

    private void units(Map<Notice.Kind, Double> found) {
        double[] accelerations = sizes(0);
        boolean isLight = isMost(Arrays.stream(accelerations).filter(size -> size < LEAST_GRAVITY).count(), samples.size());
        boolean isHeavy = isMost(Arrays.stream(accelerations).filter(size -> size > MOST_ACCELERATION).count(), samples.size());
        if (isLight || isHeavy) {
            found.put(Notice.Kind.UNITS, accelerations[accelerations.length / 2]);
        }
        double[] rotations = sizes(3);
        if (sensors > 1 && isMost(Arrays.stream(rotations).filter(size -> size > MOST_ROTATION).count(), samples.size())) {
            found.put(Notice.Kind.ROTATION_UNITS, rotations[rotations.length / 2]);
        }
    }

    /** Tells a sensor that always gives the same values, or an axis that does while others move. */
    private boolean stuck(Map<Notice.Kind, Double> found) {
        for (int sensor = 0; sensor < sensors; sensor++) {
            int constant = 0;
            double moved = 0;
            for (int channel = 3 * sensor; channel < 3 * sensor + 3; channel++) {
                constant += isConstant(channel) ? 1 : 0;
                moved = Math.max(moved, deviation(channel));
            }
            if (constant == 3 || constant > 0 && moved > MOVED[sensor]) {
                found.put(Notice.Kind.CONSTANT, (double) sensor);
            }
        }
        return found.containsKey(Notice.Kind.CONSTANT);
    }

    private void saturated(Map<Notice.Kind, Double> found, double rate) {
        int n = Math.max(PLATEAU, (int) Math.rint(PLATEAU_S * rate) + 1);
        for (int channel = 0; channel < 3 * sensors; channel++) {
            Double limit = plateau(channel, PLATEAU_FROM[channel / 3], n);
            if (limit != null) {
                found.put(Notice.Kind.SATURATED, limit);
                return;
            }
        }
    }

    private double rate() {
        int last = seconds.size() - 1;
        return last / Math.max(seconds.get(last) - seconds.get(0), 1e-6 * last);
    }

    private boolean isSlow() {
        int slow = 0;
        for (int i = 1; i < seconds.size(); i++) {
            slow += (seconds.get(i) - seconds.get(i - 1) + HALF_US) * SLOW * FrontEnd.RATE_HZ >= 1 ? 1 : 0;
        }
        return isMost(slow, seconds.size() - 1);
    }

    private static boolean isMost(long some, int all) {
        return 2 * some > all;
    }

    private double deviation(int channel) {
        double mean = 0;
        for (double[] sample : samples) {
            mean += sample[channel] / samples.size();
        }
        double sum = 0;
        for (double[] sample : samples) {
            sum += (sample[channel] - mean) * (sample[channel] - mean);
        }
        return Math.sqrt(sum / samples.size());
    }

    /** The sizes of all samples of a sensor, in order of size. */
    private double[] sizes(int first) {
        double[] sizes = new double[samples.size()];
        for (int i = 0; i < sizes.length; i++) {
            double[] s = samples.get(i);
            sizes[i] = Math.sqrt(s[first] * s[first] + s[first + 1] * s[first + 1] + s[first + 2] * s[first + 2]);
        }
        Arrays.sort(sizes);
        return sizes;
    }

    private boolean isConstant(int channel) {
        for (double[] sample : samples) {
            if (sample[channel] != samples.get(0)[channel]) {
                return false;
            }
        }
        return true;
    }

    private Double plateau(int channel, double least, int n) {
        int run = 1;
        for (int i = 1; i < samples.size(); i++) {
            double value = samples.get(i)[channel];
            run = value == samples.get(i - 1)[channel] ? run + 1 : 1;
            if (run >= n && Math.abs(value) >= least) {
                return value;
            }
        }
        return null;
    }
}
