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
        switch (decision.reason) {
            case UNCERTAIN:
                return context.getString(R.string.uncertain);
            case POSTURE:
                return context.getString(R.string.posture);
            case MOVEMENT:
                return context.getString(R.string.movement);
            case NOT_WORN:
                return context.getString(R.string.not_worn);
            case SENSOR_STUCK:
                return context.getString(R.string.constant);
            case MOUNTING:
                return context.getString(R.string.no_posture_yet);
            default:
                return decision.warmingUp ? context.getString(R.string.warming_up) : "";
        }
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
        switch (notice.kind) {
            case GAP:
                return context.getString(R.string.gap, notice.amount);
            case RATE:
                return context.getString(R.string.slow, notice.amount);
            case UNITS:
            case ROTATION_UNITS:
                return context.getString(R.string.units, notice.amount);
            case CONSTANT:
                return context.getString(R.string.constant);
            case SATURATED:
                return context.getString(R.string.saturated);
            case MOUNTING_FOUND:
                return context.getString(R.string.mounting_found);
            case MOUNTING_LOST:
                return context.getString(R.string.mounting_lost);
            default:
                return context.getString(R.string.clock);
        }
    }
}
