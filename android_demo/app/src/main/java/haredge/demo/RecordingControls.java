package haredge.demo;

import android.view.View;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.EditText;
import android.widget.Spinner;
import android.widget.Toast;
import haredge.core.Card;
import haredge.live.CsvRecorder;
import haredge.live.Session;
import java.io.File;
import java.io.IOException;
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;

/** Handles the record button, and the subject and label of a recording. */
final class RecordingControls implements AdapterView.OnItemSelectedListener {
    private final MainActivity activity;
    private final Button button;
    private final EditText subject;
    private final Spinner label;
    private Card card;

    RecordingControls(MainActivity activity) {
        this.activity = activity;
        button = activity.findViewById(R.id.record);
        subject = activity.findViewById(R.id.subject);
        label = activity.findViewById(R.id.label);
        button.setOnClickListener(view -> toggle());
        label.setOnItemSelectedListener(this);
    }

    void show(Session session) {
        if (session != null && card != session.classifier.card) {
            card = session.classifier.card;
            List<String> names = new ArrayList<>();
            names.add(activity.getString(R.string.no_label));
            for (int i = 0; i < card.labels.size(); i++) {
                names.add(DecisionText.label(card, i));
            }
            label.setAdapter(new ArrayAdapter<>(activity, android.R.layout.simple_spinner_dropdown_item, names));
            CsvRecorder begun = session.recording();
            if (begun != null) { // before this screen was there
                subject.setText(begun.subject);
                label.setSelection(1 + card.labels.indexOf(begun.label()));
            }
        }
        boolean recording = session != null && session.recording() != null;
        activity.findViewById(R.id.recording).setVisibility(session == null ? View.GONE : View.VISIBLE);
        subject.setEnabled(!recording);
        button.setText(recording ? R.string.stop_recording : R.string.record);
    }

    private void toggle() {
        Session session = activity.session();
        if (session == null) {
            return;
        }
        if (session.recording() != null) {
            session.stopRecording();
        } else {
            begin(session);
        }
        show(session);
    }

    private void begin(Session session) {
        String who = subject.getText().toString().trim();
        File folder = activity.recordings();
        if (who.isEmpty() || folder == null) {
            say(activity.getString(who.isEmpty() ? R.string.no_subject : R.string.no_storage));
            return;
        }
        String name = new SimpleDateFormat("yyyyMMdd-HHmmss", Locale.ROOT).format(new Date()) + ".csv";
        try {
            CsvRecorder recorder = new CsvRecorder(new File(folder, name), who);
            recorder.label(chosen());
            session.record(recorder);
            say(activity.getString(R.string.recording_to, new File(folder, name).getPath()));
        } catch (IOException error) {
            say(error.getMessage());
        }
    }

    @Override
    public void onItemSelected(AdapterView<?> parent, View view, int position, long id) {
        Session session = activity.session();
        CsvRecorder recorder = session == null ? null : session.recording();
        if (recorder != null) {
            recorder.label(chosen());
        }
    }

    @Override
    public void onNothingSelected(AdapterView<?> parent) {}

    private String chosen() {
        int place = label.getSelectedItemPosition();
        return place <= 0 || card == null ? "" : card.labels.get(place - 1);
    }

    private void say(String text) {
        Toast.makeText(activity, text, Toast.LENGTH_LONG).show();
    }
}
