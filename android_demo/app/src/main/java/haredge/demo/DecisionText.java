package haredge.demo;

import android.content.Context;
import android.text.TextUtils;
import haredge.core.Card;
import haredge.live.Decision;
import haredge.live.Notice;
import haredge.live.Session;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Puts decisions and notices into words. */
final class DecisionText {
    /** In the order of {@link Decision.Reason}; none is not said. */
    private static final int[] REASONS = {
        0, R.string.uncertain, R.string.not_worn, R.string.posture, R.string.movement, R.string.faulty,
        R.string.no_posture_yet
    };

    /** In the order of {@link Notice.Kind}; {@link #worn} says how the phone is worn. */
    private static final int[] NOTICES = {
        R.string.slow, R.string.units, R.string.units, R.string.constant, R.string.saturated, R.string.clock,
        R.string.gap, R.string.clock, R.string.rotation_axes, 0, 0, R.string.axes, R.string.clock
    };

    private static final double LIKELY = 0.5; // below it, an activity is doubted, and no other is named

    private DecisionText() {}

    static String activity(Context context, Card card, Decision decision) {
        return decision.label == Decision.UNKNOWN ? context.getString(R.string.unknown) : label(card, decision.label);
    }

    /** The activity, or a likelier one that is not certain yet, with a question mark if it is doubtful. */
    static String headline(Context context, Card card, Decision decision) {
        if (isDoubted(card, decision)) {
            return label(card, likeliest(decision)) + "?";
        }
        boolean isFaint = decision.label != Decision.UNKNOWN
                && Arrays.stream(card.rows(decision.label)).mapToDouble(row -> decision.probabilities[row]).sum() < LIKELY;
        return activity(context, card, decision) + (isFaint ? "?" : "");
    }

    /** What to say below the headline: what is shown until the likelier activity is certain, or a reason. */
    static String status(Context context, Card card, Decision decision) {
        return isDoubted(card, decision)
                ? context.getString(R.string.until_certain, activity(context, card, decision))
                : reason(context, decision);
    }

    private static boolean isDoubted(Card card, Decision decision) {
        int likeliest = likeliest(decision);
        return decision.label != Decision.UNKNOWN && decision.probabilities[likeliest] > LIKELY
                && Arrays.stream(card.rows(decision.label)).noneMatch(row -> row == likeliest);
    }

    private static int likeliest(Decision decision) {
        int best = 0;
        for (int i = 1; i < decision.probabilities.length; i++) {
            best = decision.probabilities[i] > decision.probabilities[best] ? i : best;
        }
        return best;
    }

    /** One of the card's answers as people write it: {@code WALKING_UPSTAIRS} is "Walking upstairs". */
    static String label(Card card, int answer) {
        String text = plain(card.answers.get(answer));
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }

    /** As people say it; cards and CSV keep the data set's {@code LAYING}. */
    private static String plain(String answer) {
        return answer.replaceAll("\\bLAYING\\b", "LYING").replace('_', ' ').toLowerCase(Locale.ROOT);
    }

    static String reason(Context context, Decision decision) {
        if (decision.reason == Decision.Reason.NONE) {
            return decision.warmingUp ? context.getString(R.string.warming_up) : "";
        }
        return context.getString(REASONS[decision.reason.ordinal()]);
    }

    /** How the phone is taken to be worn, as long as it is. */
    static String worn(Context context, Session session) {
        if (!session.classifier.card.isWalkingFrame) {
            return context.getString(R.string.worn_upright);
        }
        if (!session.knowsMounting()) {
            return context.getString(R.string.worn_unknown);
        }
        StringBuilder text = new StringBuilder(context.getString(R.string.worn_as_found));
        for (Card.Alike alike : session.atWaist ? new ArrayList<Card.Alike>() : session.classifier.card.alike) {
            List<String> labels = new ArrayList<>();
            for (int row : alike.rows) {
                labels.add(plain(session.classifier.card.labels.get(row)));
            }
            String placements = TextUtils.join(", ", alike.placements);
            text.append(' ').append(context.getString(R.string.alike, placements, TextUtils.join(" and ", labels)));
        }
        return text.toString();
    }

    static String notice(Context context, Card card, Notice notice) {
        int text = NOTICES[notice.kind.ordinal()];
        return text == 0 ? "" : context.getString(text, notice.amount, card.rateHz);
    }
}
