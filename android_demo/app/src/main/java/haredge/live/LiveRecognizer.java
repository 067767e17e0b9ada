package haredge.live;

import haredge.core.Card;
import haredge.core.Classifier;
import haredge.core.Filters;
import haredge.core.InputError;
import java.util.Arrays;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Recognises activities in samples that arrive one by one: the same decisions as {@code edge_runtime/live/recognizer.py}.
 *
 * <p>Not to be used by two threads at a time.
 */
public final class LiveRecognizer {
    /** Hears what can be said, as soon as it can. */
    public interface Listener {
        void decided(Decision decision);

        void noticed(Notice notice);
    }

    /** Time in which the filters settle; later answers are as after an endless past. */
    public static final double WARM_UP_S = 12.0;

    private static final double ANOTHER_CLOCK_S = 3600;

    private final Card card;
    private final Classifier classifier;
    private final Listener listener;
    private final int hop;
    private final double stepS;
    private final Smoother.Settings settings;
    private Smoother smoother;
    private final NoveltyDetector detector;
    private PersistenceTracker persistence;
    private final Resampler resampler;
    private final FaultFinder faults;
    private final ClockWatch clock = new ClockWatch();
    private final int[] places;
    private final Filters filters;
    private Windowing windowing;
    private boolean wasInvalid;
    private int invalid;

    /** Throws {@link InputError} when the card has no usable settings or filters for live recognition. */
    public LiveRecognizer(Classifier classifier, Listener listener) throws InputError {
        this.classifier = classifier;
        this.listener = listener;
        card = classifier.card;
        hop = card.hop;
        stepS = hop / card.rateHz;
        places = card.places();
        faults = new FaultFinder(Arrays.stream(places).anyMatch(x -> x >= 3 && x < 6) ? 2 : 1);
        try {
            JSONObject live = card.content.optJSONObject("live");
            JSONObject novelty = live == null ? null : live.optJSONObject("novelty");
            settings = new Smoother.Settings(live == null ? null : live.optJSONObject("smoothing"));
            detector = novelty == null ? null : new NoveltyDetector(novelty, card);
        } catch (JSONException error) {
            throw new InputError("the card of '" + card.name + "' is not complete: " + error.getMessage(), error);
        }
        filters = card.filters();
        beginDeciding();
        windowing = window(0);
        resampler = new Resampler(Resampler.WAIT_S, new Resampler.Target() {
            @Override
            public void begin(double second, double gap) {
                begun(second, gap);
            }

            @Override
            public void take(double[] sample) {
                windowing.add(sample);
            }
        });
    }

    /** Take the next sample: acceleration x y z in g and angular rate x y z in rad/s, taken at {@code seconds}. */
    public void push(double seconds, double[] sample) {
        if (!isFinite(seconds) || !FaultFinder.isMeasurement(sample)) {
            invalid++;
            if (!wasInvalid) {
                listener.noticed(new Notice(seconds, Notice.Kind.INVALID, 0));
            }
            wasInvalid = true;
            return;
        }
        wasInvalid = false;
        Notice odd = clock.look(seconds);
        if (odd != null) {
            listener.noticed(odd);
        }
        for (Notice notice : faults.look(seconds, sample)) {
            listener.noticed(notice);
        }
        resampler.push(seconds, sample);
    }

    /** End the stream; say what its last samples still say. */
    public void flush() {
        resampler.flush();
        windowing.finish();
    }

    /** How many samples were left out: another had the same time, they came too late, or were no measurements. */
    public int leftOut() {
        return resampler.duplicates + resampler.late + invalid;
    }

    private void begun(double second, double gap) {
        windowing.finish();
        if (gap != 0) {
            beginDeciding();
        }
        if (gap < 0 || gap > ANOTHER_CLOCK_S) {
            listener.noticed(new Notice(second, Notice.Kind.CLOCK, -gap));
        } else if (gap > 0) {
            listener.noticed(new Notice(second, Notice.Kind.GAP, gap));
        }
        windowing = window(second);
    }

    /** Forget the windows so far: after a gap, another activity may be going on. */
    private void beginDeciding() {
        smoother = new Smoother(settings, card.labels.size(), stepS);
        persistence = new PersistenceTracker(card.labels.size(), stepS);
    }

    private Windowing window(double start) {
        return new Windowing(card.samples, hop, filters, start, this::decide);
    }

    private void decide(double seconds, double[][] signals) {
        long began = System.nanoTime();
        float[] answer = classifier.probabilities(classifier.logits(chosen(signals)));
        double inferenceMs = (System.nanoTime() - began) / 1e6;
        NoveltyDetector.Novelty novelty = detector == null
                ? new NoveltyDetector.Novelty(card.labels.size())
                : detector.detect(signals);
        PersistenceTracker.Rejection rejection = persistence.update(novelty, Classifier.argmax(answer));
        boolean moving = movement(signals) > settings.movement;
        int current = smoother.update(answer, stepS, moving, rejection.cannotBegin);
        Decision.Reason reason =
                faults.isStuckAt(seconds) ? Decision.Reason.SENSOR_STUCK : rejected(current, rejection);
        int label = smoother.shown(reason != Decision.Reason.NONE);
        if (label == Smoother.NONE) {
            label = Decision.UNKNOWN;
            reason = reason == Decision.Reason.NONE ? Decision.Reason.UNCERTAIN : reason;
        }
        boolean warmingUp = seconds - windowing.start < WARM_UP_S;
        listener.decided(
                new Decision(seconds, label, smoother.probabilities(), answer, warmingUp, reason, inferenceMs));
    }

    /** The model's signals of a window of all, samples one after the other. */
    private float[] chosen(double[][] signals) {
        float[] window = new float[signals.length * places.length];
        int next = 0;
        for (double[] sample : signals) {
            for (int place : places) {
                window[next++] = (float) sample[place];
            }
        }
        return window;
    }

    private static Decision.Reason rejected(int current, PersistenceTracker.Rejection rejection) {
        if (rejection.notWorn) {
            return Decision.Reason.NOT_WORN;
        }
        if (current == Smoother.NONE) {
            return Decision.Reason.NONE;
        }
        if (rejection.posture[current]) {
            return Decision.Reason.POSTURE;
        }
        return rejection.movement[current] ? Decision.Reason.MOVEMENT : Decision.Reason.NONE;
    }

    /** The mean body acceleration (g) in the last hop of a window. */
    private double movement(double[][] signals) {
        double sum = 0;
        for (int i = signals.length - hop; i < signals.length; i++) {
            double[] s = signals[i];
            sum += Math.sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2]);
        }
        return sum / hop;
    }

    private static boolean isFinite(double value) {
        return !Double.isNaN(value) && !Double.isInfinite(value);
    }
}
