package haredge.live;

import haredge.core.Card;
import haredge.core.Classifier;
import haredge.core.Filters;
import haredge.core.InputError;

/** Recognises activities in samples as {@code edge_runtime/live/recognizer.py}; for one thread at a time. */
public final class LiveRecognizer {
    /** Hears what can be said, as soon as it can. */
    public interface Listener {
        void decided(Decision decision);

        void noticed(Notice notice);
    }

    /** Time in which the filters settle; later answers are as after an endless past. */
    private static final double WARM_UP_S = 12.0;

    private static final double ANOTHER_CLOCK_S = 3600;

    private final Card card;
    private final Listener listener;
    private final Decider decider;
    private final Resampler resampler;
    private final FaultFinder faults;
    private final ClockWatch clock = new ClockWatch();
    private final Filters filters;
    private final AxesWatch axes = new AxesWatch();
    private Windowing windowing;
    private double began; // the stretch without a gap
    private boolean wasInvalid;
    private int invalid;

    /** Throws {@link InputError} when the card has no usable settings or filters for live recognition. */
    public LiveRecognizer(Classifier classifier, Listener listener) throws InputError {
        this.listener = listener;
        card = classifier.card;
        faults = new FaultFinder(card.usesGyroscope() ? 2 : 1);
        decider = new Decider(classifier, listener);
        filters = card.filters();
        windowing = window(0);
        resampler = new Resampler(new Resampler.Target() {
            @Override
            public void begin(double second, double gap) {
                begun(second, gap);
            }

            @Override
            public void take(double[] sample) {
                if (card.usesGyroscope() && axes.shows(sample)) {
                    double seconds = began + axes.seen() / card.rateHz;
                    listener.noticed(new Notice(seconds, Notice.Kind.ROTATION_AXES, 0));
                }
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

    boolean knowsMounting() {
        return decider.knowsMounting();
    }

    private void begun(double second, double gap) {
        windowing.finish();
        if (gap != 0) {
            decider.begin();
        }
        if (gap < 0 || gap > MountingSearch.LONGEST_GAP_S) {
            decider.forgetMounting(second);
        }
        if (gap < 0 || gap > ANOTHER_CLOCK_S) {
            listener.noticed(new Notice(second, Notice.Kind.CLOCK, -gap));
        } else if (gap > 0) {
            listener.noticed(new Notice(second, Notice.Kind.GAP, gap));
        }
        windowing = window(second);
        began = second;
        axes.begin();
    }

    private Windowing window(double start) {
        return new Windowing(card.samples, card.hop, filters, start, (second, signals) ->
                decider.decide(signals, second, second - start < WARM_UP_S, faults.isStuckAt(second)));
    }

    private static boolean isFinite(double value) {
        return !Double.isNaN(value) && !Double.isInfinite(value);
    }
}
