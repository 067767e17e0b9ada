package haredge.core;

import java.util.HashMap;
import java.util.Map;

/** Converts units of acceleration and rotation as {@code edge_runtime/signals/units.py}. */
public final class Units {
    /** In m/s². */
    public static final double STANDARD_GRAVITY = 9.80665;

    /** Units of acceleration, in g. */
    public static final Map<String, Double> ACCELERATIONS = new HashMap<>();

    /** Units of rotation, in rad/s. */
    public static final Map<String, Double> ROTATIONS = new HashMap<>();

    static {
        ACCELERATIONS.put("g", 1.0);
        ACCELERATIONS.put("m/s2", 1 / STANDARD_GRAVITY);
        ACCELERATIONS.put("m/s^2", 1 / STANDARD_GRAVITY);
        ACCELERATIONS.put("mg", 1e-3);
        ROTATIONS.put("rad/s", 1.0);
        ROTATIONS.put("deg/s", Math.PI / 180);
        ROTATIONS.put("mdps", Math.PI / 180_000);
    }

    private Units() {}
}
