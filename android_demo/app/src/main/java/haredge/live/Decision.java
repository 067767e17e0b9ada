package haredge.live;

/** Holds the activity at {@code seconds}: a place among the card's answers, or {@link #UNKNOWN} for a reason. */
public final class Decision {
    public static final int UNKNOWN = -1;

    /** In the order of {@code har_reason} in {@code har_stream.h}. */
    public enum Reason { NONE, UNCERTAIN, NOT_WORN, POSTURE, MOVEMENT, FAULTY, UNKNOWN_MOUNTING }

    public final double seconds;
    public final int label;
    public final double[] probabilities;
    public final boolean warmingUp;
    public final Reason reason;
    public final double inferenceMs;

    Decision(double seconds, int label, double[] probabilities, boolean warmingUp, Reason reason, double inferenceMs) {
        this.seconds = seconds;
        this.label = label;
        this.probabilities = probabilities;
        this.warmingUp = warmingUp;
        this.reason = reason;
        this.inferenceMs = inferenceMs;
    }
}
