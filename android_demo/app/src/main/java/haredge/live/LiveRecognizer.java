package haredge.live;

import haredge.core.Classifier;
import haredge.core.HarCore;
import haredge.core.InputError;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;

/** Recognises activities in samples, as C does with the answers of a network; for one thread at a time. */
public final class LiveRecognizer {
    /** Hears what can be said, as soon as it can. */
    public interface Listener {
        void decided(Decision decision);

        void noticed(Notice notice);
    }

    // As har_event in har_stream.h.
    private static final int DECISION = 1;
    private static final int WINDOW = 3;

    private static final int NUMBERS = 6; // of an event, before its probabilities

    private final Classifier classifier;
    private final Listener listener;
    private final HarCore core;
    private final ByteBuffer event;
    private final DoubleBuffer numbers; // of the event
    private double inferenceMs; // since the last decision
    private volatile boolean knowsMounting;

    /** For a phone {@code atWaist}, or perhaps elsewhere. Throws {@link InputError} when its signals are not live. */
    public LiveRecognizer(Classifier classifier, boolean atWaist, Listener listener) throws InputError {
        this.classifier = classifier;
        this.listener = listener;
        core = classifier.card.core();
        core.wear(atWaist);
        event = HarCore.buffer(Double.BYTES * (NUMBERS + classifier.card.labels.size()));
        numbers = event.asDoubleBuffer();
        knowsMounting = !classifier.card.isWalkingFrame;
    }

    /** Take the next sample: acceleration x y z in g and angular rate x y z in rad/s, taken at {@code us}. */
    public void push(long us, double[] sample) {
        core.push(us, sample);
        say();
    }

    /** End the stream; say what its last samples still say. */
    public void flush() {
        core.flush();
        say();
    }

    /** Whether it knows how the phone is worn, without which postures are unknown. */
    public boolean knowsMounting() {
        return knowsMounting;
    }

    private void say() {
        for (int next = core.next(classifier.input, event); next != 0; next = core.next(classifier.input, event)) {
            if (next == WINDOW) {
                long began = System.nanoTime();
                classifier.run();
                inferenceMs += (System.nanoTime() - began) / 1e6;
                core.answer(classifier.output);
            } else {
                say(next == DECISION);
            }
        }
    }

    private void say(boolean isDecision) {
        numbers.rewind();
        double seconds = numbers.get() / 1e6;
        int activity = (int) numbers.get();
        Decision.Reason reason = Decision.Reason.values()[(int) numbers.get()];
        boolean isWarmingUp = numbers.get() != 0;
        Notice.Kind kind = Notice.Kind.values()[(int) numbers.get()];
        double amount = numbers.get();
        if (isDecision) {
            double[] probabilities = new double[classifier.card.labels.size()];
            numbers.get(probabilities);
            int label = activity == classifier.card.answers.size() ? Decision.UNKNOWN : activity;
            listener.decided(new Decision(seconds, label, probabilities, isWarmingUp, reason, inferenceMs));
            inferenceMs = 0;
            return;
        }
        if (kind == Notice.Kind.MOUNTING_FOUND || kind == Notice.Kind.MOUNTING_LOST) {
            knowsMounting = kind == Notice.Kind.MOUNTING_FOUND;
        }
        listener.noticed(new Notice(seconds, kind, amount));
    }
}
