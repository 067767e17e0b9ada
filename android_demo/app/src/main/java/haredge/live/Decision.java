package haredge.live;

/** Holds the activity at {@code seconds}: a place among the card's answers, or {@link #UNKNOWN} for a reason. */
public final class Decision {
    public static final int UNKNOWN = -1;

    public final double seconds;
    public final int label;
    public final double[] probabilities;
    public final boolean warmingUp;
    public final int reason; // as har_reason in har_stream.h, 0 for none
    public final double inferenceMs;

    Decision(double seconds, int label, double[] probabilities, boolean warmingUp, int reason, double inferenceMs) {
        this.seconds = seconds;
        this.label = label;
        this.probabilities = probabilities;
        this.warmingUp = warmingUp;
        this.reason = reason;
        this.inferenceMs = inferenceMs;
    }
}
