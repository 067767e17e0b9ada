package haredge.live;

/** Tells of a fault of the stream, once each time that it begins, and of how the phone is worn. */
public final class Notice {
    /** The kinds of faults; {@code amount} is then the seconds of a gap or of a clock set back, the rate, or a measured size. */
    public enum Kind {
        INVALID,
        GAP,
        CLOCK,
        RATE,
        UNITS,
        ROTATION_UNITS,
        CONSTANT,
        SATURATED,
        ROTATION_AXES,
        MOUNTING_FOUND,
        MOUNTING_LOST
    }

    public final double seconds;
    public final Kind kind;
    public final double amount;

    Notice(double seconds, Kind kind, double amount) {
        this.seconds = seconds;
        this.kind = kind;
        this.amount = amount;
    }
}
