package haredge.demo;

import android.content.Context;
import android.text.TextUtils;
import haredge.core.AlikeLabels;
import haredge.core.Card;
import haredge.live.Decision;
import haredge.live.Notice;
import haredge.live.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Puts decisions and notices into words. */
final class DecisionText {
    /** In the order of {@link Decision.Reason}; none is not said. */
    private static final int[] REASONS = {
        0, R.string.uncertain, R.string.posture, R.string.movement, R.string.not_worn, R.string.constant,
        R.string.no_posture_yet
    };

    /** In the order of {@link Notice.Kind}. */
    private static final int[] NOTICES = {
        R.string.clock, R.string.gap, R.string.clock, R.string.slow, R.string.units, R.string.units, R.string.constant,
        R.string.saturated, R.string.rotation_axes, R.string.mounting_found, R.string.mounting_lost
    };

    private DecisionText() {}

    static String activity(Context context, Card card, Decision decision) {
        return decision.label == Decision.UNKNOWN ? context.getString(R.string.unknown) : label(card, decision.label);
    }

    /** One of the card's answers as people write it: {@code WALKING_UPSTAIRS} is "Walking upstairs". */
    static String label(Card card, int answer) {
        String text = plain(card.answers.get(answer));
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }

    private static String plain(String answer) {
        return answer.replace('_', ' ').toLowerCase(Locale.ROOT);
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
        for (AlikeLabels alike : session.classifier.card.alike) {
            List<String> labels = new ArrayList<>();
            for (int row : alike.rows) {
                labels.add(plain(session.classifier.card.labels.get(row)));
            }
            String said = context.getResources()
                    .getQuantityString(
                            R.plurals.alike,
                            alike.placements.size(),
                            TextUtils.join(", ", alike.placements),
                            TextUtils.join(" and ", labels));
            text.append(' ').append(said);
        }
        return text.toString();
    }

    static String notice(Context context, Notice notice) {
        return context.getString(NOTICES[notice.kind.ordinal()], notice.amount);
    }
}
