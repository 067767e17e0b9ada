package haredge.demo;

import android.content.Context;
import android.content.res.TypedArray;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.util.AttributeSet;
import android.view.View;
import haredge.core.Card;
import haredge.live.Decision;
import haredge.live.History;
import java.util.Collections;
import java.util.List;

/** Draws the activities of the last minutes, a row for each, the newest at the right. */
public final class TimelineView extends View {
    private final Paint paint = new Paint();
    private final int[] colours;
    private List<Decision> decisions = Collections.emptyList();
    private Card card;

    public TimelineView(Context context, AttributeSet attributes) {
        super(context, attributes);
        TypedArray list = context.getResources().obtainTypedArray(R.array.activity_colours);
        colours = new int[list.length()];
        for (int i = 0; i < colours.length; i++) {
            colours[i] = list.getColor(i, 0);
        }
        list.recycle();
    }

    /** Show {@code all} decisions of the model of {@code card}, the newest last. */
    void show(List<Decision> all, Card card) {
        decisions = all;
        this.card = card;
        invalidate();
    }

    int colour(int label) {
        return colours[label % colours.length];
    }

    @Override
    protected void onDraw(Canvas canvas) {
        if (card == null) {
            return;
        }
        int rows = card.labels.size();
        paint.setColor(getContext().getColor(R.color.rule));
        for (int row = 1; row < rows; row++) {
            float y = (float) getHeight() * row / rows;
            canvas.drawLine(0, y, getWidth(), y, paint);
        }
        if (decisions.isEmpty()) {
            return;
        }
        double end = decisions.get(decisions.size() - 1).seconds;
        for (int i = 1; i < decisions.size(); i++) {
            Decision decision = decisions.get(i);
            double from = Math.max(decisions.get(i - 1).seconds, decision.seconds - 2); // no bar over a gap
            int[] shown = decision.label == Decision.UNKNOWN ? new int[0] : card.rows(decision.label);
            for (int row : shown) {
                paint.setColor(colour(row));
                float top = (float) getHeight() * row / rows;
                float bottom = (float) getHeight() * (row + 1) / rows;
                canvas.drawRect(x(from - end), top + 2, x(decision.seconds - end), bottom - 2, paint);
            }
        }
    }

    /** A whole pixel, so that bars without a break between them have none. */
    private float x(double seconds) {
        return Math.round(getWidth() * (1 + seconds / History.SECONDS));
    }
}
