package haredge.live;

/** Tells of a fault of the stream, once each time that it begins, and of how the phone is worn. */
public final class Notice {
    /** As {@code har_kind} in {@code har_stream.h}, which says what {@code amount} is. */
    public enum Kind {
        RATE,
        UNITS,
        ROTATION_UNITS,
        CONSTANT,
        SATURATED,
        INVALID,
        GAP,
        CLOCK,
        ROTATION_AXES,
        MOUNTING_FOUND,
        MOUNTING_LOST,
        AXES,
        OVERFLOW
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
