package haredge.live;

import haredge.core.Card;
import haredge.core.Classifier;
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

    /** After so long, answers are those of a filter that has known the past for ever. */
    public static final double WARM_UP_S = 12.0;

    private static final double ANOTHER_CLOCK_S = 3600;
    private static final int LATELY = 64; // samples: 1.28 s

    private final Card card;
    private final Classifier classifier;
    private final Listener listener;
    private final int hop;
    private final double stepS;
    private final Smoother.Settings settings;
    private Smoother smoother;
    private final Familiarity familiarity;
    private Lasting lasting;
    private final Resampler resampler;
    private final FaultFinder faults;
    private final ClockWatch clock = new ClockWatch();
    private final int[] places;
    private Windowing windowing;
    private boolean wasInvalid;
    private int invalid;

    /** Throws {@link InputError} when the card's settings for live recognition are not usable. */
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
            JSONObject usual = live == null ? null : live.optJSONObject("familiarity");
            settings = new Smoother.Settings(live == null ? null : live.optJSONObject("smoothing"));
            familiarity = usual == null ? null : new Familiarity(usual, card);
        } catch (JSONException error) {
            throw new InputError("the card of '" + card.name + "' is not complete: " + error.getMessage(), error);
        }
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
        boolean usable = isFinite(seconds);
        for (double value : sample) {
            usable &= isFinite(value);
        }
        if (!usable) {
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

    /** How many samples were left out: another had the same time, they came too late, or were no finite numbers. */
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

    /** Know nothing of before: what was done then need not be going on. */
    private void beginDeciding() {
        smoother = new Smoother(settings, card.labels.size());
        lasting = new Lasting(card.labels.size(), stepS);
    }

    private Windowing window(double start) {
        return new Windowing(card.samples, hop, start, this::decide);
    }

    private void decide(double seconds, double[][] signals) {
        long began = System.nanoTime();
        float[] answer = classifier.probabilities(classifier.logits(chosen(signals)));
        double inferenceMs = (System.nanoTime() - began) / 1e6;
        Familiarity.Judgement judgement = familiarity == null
                ? new Familiarity.Judgement(card.labels.size())
                : familiarity.judge(signals);
        Lasting.Verdict verdict = lasting.take(judgement, answer);
        boolean moving = movement(signals) > settings.movement;
        int current = smoother.update(answer, stepS, moving, verdict.unusual);
        Decision.Reason reason =
                faults.isStuckAt(seconds) ? Decision.Reason.SENSOR_STUCK : reason(current, verdict);
        int label = reason == Decision.Reason.NONE ? current : Decision.UNKNOWN;
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

    private static Decision.Reason reason(int current, Lasting.Verdict verdict) {
        if (verdict.lifeless) {
            return Decision.Reason.LIFELESS;
        }
        if (current == Smoother.NONE) {
            return Decision.Reason.UNCERTAIN;
        }
        if (verdict.strangePosture[current]) {
            return Decision.Reason.STRANGE_POSTURE;
        }
        return verdict.strangeMovement[current] ? Decision.Reason.STRANGE_MOVEMENT : Decision.Reason.NONE;
    }

    /** The mean body acceleration (g) at the end of a window. */
    private static double movement(double[][] signals) {
        double sum = 0;
        for (int i = signals.length - LATELY; i < signals.length; i++) {
            double[] s = signals[i];
            sum += Math.sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2]);
        }
        return sum / LATELY;
    }

    private static boolean isFinite(double value) {
        return !Double.isNaN(value) && !Double.isInfinite(value);
    }
}
