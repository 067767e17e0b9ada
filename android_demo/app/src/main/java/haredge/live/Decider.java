package haredge.live;

import haredge.core.AlikeLabels;
import haredge.core.Card;
import haredge.core.Classifier;
import haredge.core.InputError;
import haredge.core.Mounting;
import org.json.JSONException;
import org.json.JSONObject;

/** Makes a decision of each window of a stream, {@code [samples][9]}: that part of {@link LiveRecognizer}. */
final class Decider {
    private static final int TOTAL_ACC = 6; // where the signals of the front end begin

    private final Card card;
    private final Classifier classifier;
    private final LiveRecognizer.Listener listener;
    private final double stepS;
    private final int[] places;
    private final Smoother.Settings settings;
    private final NoveltyDetector detector;
    private final boolean[] still; // of a body that typically keeps still, by label
    private final MountingSearch search; // null for a model that takes windows in the frame of the phone
    private Smoother smoother;
    private PersistenceTracker persistence;

    /** Throws {@link InputError} when the card has no usable settings for live recognition. */
    Decider(Classifier classifier, LiveRecognizer.Listener listener) throws InputError {
        this.classifier = classifier;
        this.listener = listener;
        card = classifier.card;
        stepS = card.hop / card.rateHz;
        places = card.places();
        try {
            JSONObject live = card.content.optJSONObject("live");
            JSONObject novelty = live == null ? null : live.optJSONObject("novelty");
            settings = new Smoother.Settings(live == null ? null : live.optJSONObject("smoothing"));
            detector = novelty == null ? null : new NoveltyDetector(novelty, card);
        } catch (JSONException error) {
            throw new InputError("the card of '" + card.name + "' is not complete: " + error.getMessage(), error);
        }
        still = detector == null ? new boolean[card.labels.size()] : detector.still();
        search = card.isWalkingFrame ? new MountingSearch(card) : null;
        begin();
    }

    boolean knowsMounting() {
        return search == null || rotation() != null;
    }

    /** The rotation into the walking frame, null where it is not known or not sought; may be asked on any thread. */
    double[][] rotation() {
        return search == null ? null : search.rotation();
    }

    void begin() {
        smoother = new Smoother(settings, card.labels.size(), stepS);
        persistence = new PersistenceTracker(card.labels.size(), stepS);
    }

    /** Find anew how the phone is worn, since {@code seconds}; say so where it was known. */
    void forgetMounting(double seconds) {
        if (search != null && search.forget()) {
            listener.noticed(new Notice(seconds, Notice.Kind.MOUNTING_LOST, 0));
        }
    }

    /** Decide about the window that ends at {@code seconds}; while a sensor {@code isStuck} the activity is unknown. */
    void decide(double[][] signals, double seconds, boolean warmingUp, boolean isStuck) {
        long began = System.nanoTime();
        for (double[] row : signals) {
            for (int i = 0; i < row.length; i++) {
                row[i] = (float) row[i]; // as the network takes them
            }
        }
        boolean moves = search == null || Mounting.isMoving(signals);
        double[][] window = search == null ? signals : search.turn(signals);
        float[] answer = answer(window);
        if (search != null && followWalk(signals, seconds, moves && isWalking(signals, window, answer))) {
            window = search.own(signals);
            answer = answer(window);
        }
        double inferenceMs = (System.nanoTime() - began) / 1e6;
        boolean hasPosture = knowsMounting();
        PersistenceTracker.Rejection rejection =
                persistence.update(novelty(window, hasPosture), Classifier.argmax(answer));
        boolean[] cannotBegin = rejection.cannotBegin.clone();
        for (int i = 0; !hasPosture && i < cannotBegin.length; i++) {
            // In its own frame any posture looks like standing: only who moves can be answered.
            cannotBegin[i] |= still[i] || !moves;
        }
        int current = smoother.update(answer, stepS, movement(signals) > settings.movement, cannotBegin);
        if (rejection.notWorn) {
            forgetMounting(seconds);
        }
        Decision.Reason reason = isStuck ? Decision.Reason.SENSOR_STUCK : rejected(current, rejection);
        boolean looksStill = !moves || current != Smoother.NONE && still[current];
        if (reason == Decision.Reason.NONE && !hasPosture && looksStill) {
            reason = Decision.Reason.MOUNTING;
        }
        int label = smoother.shown(reason != Decision.Reason.NONE);
        if (label == Smoother.NONE) {
            label = Decision.UNKNOWN;
            reason = reason == Decision.Reason.NONE ? Decision.Reason.UNCERTAIN : reason;
        } else {
            label = named(label, window);
        }
        listener.decided(new Decision(seconds, label, smoother.probabilities(), warmingUp, reason, inferenceMs));
    }

    /** Take the window into the search; tell whether the mounting is lost. */
    private boolean followWalk(double[][] signals, double seconds, boolean isWalking) {
        MountingSearch.News news = search.update(signals, isWalking);
        if (news == MountingSearch.News.FOUND) {
            listener.noticed(new Notice(seconds, Notice.Kind.MOUNTING_FOUND, 0));
        } else if (news == MountingSearch.News.LOST) {
            listener.noticed(new Notice(seconds, Notice.Kind.MOUNTING_LOST, 0));
        }
        return news == MountingSearch.News.LOST;
    }

    /** Whether a window shows walking by its answer, or by that in its own frame if the phone was moved. */
    private boolean isWalking(double[][] signals, double[][] window, float[] answer) {
        if (canBeWalking(window) && isSure(answer)) {
            return true;
        }
        double[][] own = rotation() == null ? null : search.own(signals);
        return own != null && canBeWalking(own) && isSure(answer(own));
    }

    private boolean isSure(float[] answer) {
        return answer[card.labels.indexOf(Card.WALKING)] > MountingSearch.SURE;
    }

    private boolean canBeWalking(double[][] window) {
        NoveltyDetector.Novelty novelty = novelty(window, false);
        return !novelty.novelMovement[card.labels.indexOf(Card.WALKING)] && !novelty.tooQuick; // as jogging is
    }

    private float[] answer(double[][] window) {
        return classifier.probabilities(classifier.logits(chosen(window)));
    }

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

    private NoveltyDetector.Novelty novelty(double[][] window, boolean hasPosture) {
        if (detector == null) {
            return new NoveltyDetector.Novelty(card.labels.size());
        }
        NoveltyDetector.Novelty found = detector.detect(window);
        return hasPosture ? found : found.withoutPosture();
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

    /** The answer for activity {@code label}: itself, or all it cannot be told from while the phone is tilted so. */
    private int named(int label, double[][] window) {
        double[] held = new double[3];
        for (int axis = 0; axis < held.length; axis++) {
            held[axis] = NoveltyDetector.mean(window, TOTAL_ACC + axis, card.hop);
        }
        for (int i = 0; i < card.alike.size(); i++) {
            if (card.alike.get(i).has(label) && AlikeLabels.leansBack(held)) {
                return card.labels.size() + i;
            }
        }
        return label;
    }

    private double movement(double[][] signals) {
        double sum = 0;
        for (int i = signals.length - card.hop; i < signals.length; i++) {
            double[] s = signals[i];
            sum += Math.sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2]);
        }
        return sum / card.hop;
    }
}
