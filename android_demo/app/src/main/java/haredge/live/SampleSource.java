package haredge.live;

/** Gives samples: of sensors, or of a recording. */
public interface SampleSource {
    /** Takes what sensors say; all calls come from one thread. */
    interface Listener {
        void acceleration(long nanos, double x, double y, double z);

        void rotation(long nanos, double x, double y, double z);

        /** There is no more, for {@code reason}; null when a recording is simply over. */
        void ended(String reason);
    }

    void start(Listener listener);

    /** No call comes after this one returns, but for one that is under way. */
    void stop();
}
