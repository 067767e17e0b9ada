package haredge.live;

import haredge.core.Classifier;
import haredge.core.FrontEnd;
import haredge.core.InputError;
import java.io.IOException;

/**
 * Passes the samples of a source to the recogniser, the history of decisions and, if wanted, a recording.
 *
 * <p>Samples are taken on the source's thread; everything else may be called from any other.
 */
public final class Session implements AutoCloseable {
    /** Hears what is new, on the source's thread. */
    public interface Listener {
        void changed(Decision decision);

        /** It ended by itself; {@code reason} is null when a recording was over. */
        void ended(String reason);
    }

    private static final double RATE_SMOOTHING = 0.02; // of a new interval: about a second's worth

    public final History history = new History();
    public final Classifier classifier;
    private final SampleSource source;
    private final Listener listener;
    private final LiveRecognizer recognizer;
    private final Pairing pairing;
    private volatile Notice notice;
    private volatile double intervalS;
    private volatile CsvRecorder recorder;
    private volatile String recordingFault;
    private volatile boolean over;
    private long lastNanos = Long.MIN_VALUE;
    private boolean closed;

    /** {@code gyroscope} says whether there is one to be used. Throws {@link InputError} as recognisers do. */
    public Session(Classifier classifier, SampleSource source, boolean gyroscope, Listener listener)
            throws InputError {
        this.classifier = classifier;
        this.source = source;
        this.listener = listener;
        pairing = new Pairing(gyroscope, this::take);
        recognizer = new LiveRecognizer(classifier, new LiveRecognizer.Listener() {
            @Override
            public void decided(Decision decision) {
                history.add(decision);
                Session.this.listener.changed(decision);
            }

            @Override
            public void noticed(Notice what) {
                if (gyroscope || what.kind != Notice.Kind.CONSTANT || what.amount == 0) {
                    notice = what;
                }
            }
        });
    }

    public void start() {
        source.start(new SampleSource.Listener() {
            @Override
            public void acceleration(long nanos, double x, double y, double z) {
                synchronized (Session.this) {
                    pairing.acceleration(nanos, x, y, z);
                }
            }

            @Override
            public void rotation(long nanos, double x, double y, double z) {
                synchronized (Session.this) {
                    pairing.rotation(nanos, x, y, z);
                }
            }

            @Override
            public void ended(String reason) {
                synchronized (Session.this) {
                    if (!closed) {
                        recognizer.flush();
                    }
                }
                over = true;
                listener.ended(reason);
            }
        });
    }

    /** Stop the source, finish a recording and let go of the model. */
    @Override
    public void close() {
        source.stop();
        synchronized (this) {
            if (!closed) {
                closed = true;
                stopRecording();
                classifier.close();
            }
        }
    }

    /** Whether its source has ended by itself: what was recognised can still be looked at. */
    public boolean isOver() {
        return over;
    }

    /** The samples of a second that the sensors give, 0 before there are any. */
    public double rateHz() {
        return intervalS > 0 ? 1 / intervalS : 0;
    }

    /** What was last noticed about the stream, null if nothing was. */
    public Notice notice() {
        return notice;
    }

    /** Whether it is known how the phone is worn, or taken as given. */
    public boolean knowsMounting() {
        return recognizer.knowsMounting();
    }

    /** Write all samples from now on into {@code to}. */
    public synchronized void record(CsvRecorder to) {
        stopRecording();
        recordingFault = null;
        recorder = to;
    }

    /** Finish the recording, if there is one. */
    public synchronized void stopRecording() {
        if (recorder != null) {
            try {
                recorder.close();
            } catch (IOException error) {
                recordingFault = error.getMessage();
            }
            recorder = null;
        }
    }

    /** The recording under way, null if there is none. */
    public CsvRecorder recording() {
        return recorder;
    }

    /** Why the last recording could not be written, null if it could. */
    public String recordingFault() {
        return recordingFault;
    }

    private void take(long nanos, double[] sample) {
        if (closed) {
            return;
        }
        for (int axis = 0; axis < 3; axis++) {
            sample[axis] /= FrontEnd.STANDARD_GRAVITY;
        }
        measureRate(nanos);
        if (recorder != null) {
            try {
                recorder.write(nanos, sample);
            } catch (IOException error) {
                stopRecording(); // what there is of it may be whole lines
                recordingFault = error.getMessage();
            }
        }
        recognizer.push(nanos / 1e9, sample);
    }

    private void measureRate(long nanos) {
        double interval = (nanos - lastNanos) / 1e9;
        if (lastNanos != Long.MIN_VALUE && interval > 0 && interval < 1) {
            intervalS = intervalS == 0 ? interval : intervalS + RATE_SMOOTHING * (interval - intervalS);
        }
        lastNanos = nanos;
    }
}
