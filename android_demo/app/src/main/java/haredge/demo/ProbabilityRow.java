package haredge.demo;

import android.content.Context;
import android.content.res.ColorStateList;
import android.view.LayoutInflater;
import android.view.View;
import android.view.ViewGroup;
import android.widget.ProgressBar;
import android.widget.TextView;

/** Shows an activity's name, a bar and a number; one element to TalkBack. */
final class ProbabilityRow {
    private final String name;
    private final View view;
    private final ProgressBar bar;
    private final TextView number;

    ProbabilityRow(Context context, ViewGroup list, String name, int colour) {
        this.name = name;
        view = LayoutInflater.from(context).inflate(R.layout.probability, list, false);
        list.addView(view);
        bar = view.findViewById(R.id.bar);
        bar.setProgressTintList(ColorStateList.valueOf(colour));
        number = view.findViewById(R.id.number);
        ((TextView) view.findViewById(R.id.name)).setText(name);
    }

    void show(double probability) {
        int percent = (int) Math.rint(100 * probability);
        bar.setProgress(percent);
        number.setText(view.getContext().getString(R.string.percent, percent));
        view.setContentDescription(view.getContext().getString(R.string.row_description, name, percent));
    }
}
