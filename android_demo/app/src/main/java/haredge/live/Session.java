package haredge.live;

import haredge.core.Classifier;
import haredge.core.InputError;
import haredge.core.Units;
import java.io.IOException;

/** Passes samples to the recogniser, the history and a recording, on the thread of their source. */
public final class Session implements SampleSource.Listener, LiveRecognizer.Listener, AutoCloseable {
    public interface Listener {
        void changed(Decision decision);

        /** It ended by itself; {@code reason} is null when a recording was over. */
        void ended(String reason);
    }

    private static final double RATE_SMOOTHING = 0.02; // of a new interval: about a second's worth

    public final History history = new History();
    public final Classifier classifier;
    public final boolean atWaist;
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

    /** Throws {@link InputError} as recognisers do. */
    public Session(Classifier classifier, boolean atWaist, SampleSource source, Listener listener) throws InputError {
        this.classifier = classifier;
        this.atWaist = atWaist;
        this.source = source;
        this.listener = listener;
        pairing = new Pairing(classifier.card.usesGyroscope(), this::take);
        recognizer = new LiveRecognizer(classifier, atWaist, this);
    }

    public void start() {
        source.start(this);
    }

    @Override
    public synchronized void acceleration(long nanos, double x, double y, double z) {
        pairing.acceleration(nanos, x, y, z);
    }

    @Override
    public synchronized void rotation(long nanos, double x, double y, double z) {
        pairing.rotation(nanos, x, y, z);
    }

    @Override
    public void ended(String reason) {
        synchronized (this) {
            if (!closed) {
                recognizer.flush();
            }
        }
        over = true;
        listener.ended(reason);
    }

    @Override
    public void decided(Decision decision) {
        history.add(decision);
        listener.changed(decision);
    }

    @Override
    public void noticed(Notice what) {
        notice = what;
    }

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

    public boolean isOver() {
        return over;
    }

    public double rateHz() {
        return intervalS > 0 ? 1 / intervalS : 0;
    }

    public Notice notice() {
        return notice;
    }

    public boolean knowsMounting() {
        return recognizer.knowsMounting();
    }

    public synchronized void record(CsvRecorder to) {
        stopRecording();
        recordingFault = null;
        recorder = to;
    }

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

    public CsvRecorder recording() {
        return recorder;
    }

    public String recordingFault() {
        return recordingFault;
    }

    private void take(long nanos, double[] sample) {
        if (closed) {
            return;
        }
        for (int axis = 0; axis < 3; axis++) {
            sample[axis] /= Units.STANDARD_GRAVITY;
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
        recognizer.push(nanos / 1000, sample);
    }

    private void measureRate(long nanos) {
        double interval = (nanos - lastNanos) / 1e9;
        if (lastNanos != Long.MIN_VALUE && interval > 0 && interval < 1) {
            intervalS = intervalS == 0 ? interval : intervalS + RATE_SMOOTHING * (interval - intervalS);
        }
        lastNanos = nanos;
    }
}
