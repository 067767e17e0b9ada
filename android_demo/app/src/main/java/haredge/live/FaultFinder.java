package haredge.live;

import haredge.core.FrontEnd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is wrong with samples, seen in blocks of 4 s and told when it begins: {@code edge_runtime/sensor_faults.py}. */
final class FaultFinder {
    private static final double STANDARD_GRAVITY = 9.80665;
    private static final double LEAST_GRAVITY = 0.5; // g
    private static final double MOST_ACCELERATION = 2.0; // g
    private static final double MOST_ROTATION = 6.0; // rad/s
    private static final int PLATEAU = 4; // the same value so often in a row, far from rest, is a limit
    private static final double[] PLATEAU_FROM = {1.5, 3.0}; // g, rad/s
    private static final int SIZE = (int) (4 * FrontEnd.RATE_HZ);

    private final List<double[]> samples = new ArrayList<>();
    private final double[] seconds = new double[SIZE];
    private Set<Notice.Kind> known = EnumSet.noneOf(Notice.Kind.class);

    /** Take a sample; give what is wrong from now on. */
    List<Notice> look(double second, double[] sample) {
        seconds[samples.size()] = second;
        samples.add(sample.clone());
        if (samples.size() < SIZE) {
            return Collections.emptyList();
        }
        Map<Notice.Kind, Double> found = new EnumMap<>(Notice.Kind.class);
        units(found);
        constantOrSaturated(found);
        rate(found);
        List<Notice> notices = new ArrayList<>();
        for (Map.Entry<Notice.Kind, Double> fault : found.entrySet()) {
            if (!known.contains(fault.getKey())) {
                notices.add(new Notice(second, fault.getKey(), fault.getValue()));
            }
        }
        known = EnumSet.noneOf(Notice.Kind.class);
        known.addAll(found.keySet());
        samples.clear();
        return notices;
    }

    private void units(Map<Notice.Kind, Double> found) {
        double acceleration = medianSize(0);
        boolean metres = acceleration > 0.7 * STANDARD_GRAVITY && acceleration < 1.3 * STANDARD_GRAVITY;
        if (metres || !(acceleration > LEAST_GRAVITY) || acceleration > MOST_ACCELERATION) {
            found.put(Notice.Kind.UNITS, acceleration);
        }
        double rotation = medianSize(3);
        if (rotation > MOST_ROTATION) {
            found.put(Notice.Kind.ROTATION_UNITS, rotation);
        }
    }

    private void constantOrSaturated(Map<Notice.Kind, Double> found) {
        for (int sensor = 0; sensor < 2; sensor++) {
            boolean stuck = true;
            for (int channel = 3 * sensor; channel < 3 * sensor + 3; channel++) {
                boolean constant = isConstant(channel);
                stuck &= constant;
                Double limit = constant ? null : plateau(channel, PLATEAU_FROM[sensor]);
                if (limit != null && !found.containsKey(Notice.Kind.SATURATED)) {
                    found.put(Notice.Kind.SATURATED, limit);
                }
            }
            if (stuck) {
                found.put(Notice.Kind.CONSTANT, (double) sensor);
            }
        }
    }

    private void rate(Map<Notice.Kind, Double> found) {
        double[] sorted = seconds.clone();
        Arrays.sort(sorted);
        double[] steps = new double[sorted.length - 1];
        for (int i = 0; i < steps.length; i++) {
            steps[i] = sorted[i + 1] - sorted[i];
        }
        double rate = 1 / Math.max(median(steps), 1e-6);
        if (rate <= 0.8 * FrontEnd.RATE_HZ) {
            found.put(Notice.Kind.RATE, rate);
        }
    }

    private double medianSize(int first) {
        double[] sizes = new double[samples.size()];
        for (int i = 0; i < sizes.length; i++) {
            double[] s = samples.get(i);
            sizes[i] = Math.sqrt(s[first] * s[first] + s[first + 1] * s[first + 1] + s[first + 2] * s[first + 2]);
        }
        return median(sizes);
    }

    private boolean isConstant(int channel) {
        for (double[] sample : samples) {
            if (sample[channel] != samples.get(0)[channel]) {
                return false;
            }
        }
        return true;
    }

    /** The value at which a channel stays for some samples, beyond ± {@code least}, if any. */
    private Double plateau(int channel, double least) {
        int run = 1;
        for (int i = 1; i < samples.size(); i++) {
            double value = samples.get(i)[channel];
            run = value == samples.get(i - 1)[channel] ? run + 1 : 1;
            if (run >= PLATEAU && Math.abs(value) >= least) {
                return value;
            }
        }
        return null;
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        int middle = values.length / 2;
        return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
