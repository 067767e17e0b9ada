package haredge.demo;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.ServiceConnection;
import android.content.pm.PackageManager;
import android.net.Uri;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.view.View;
import android.widget.Button;
import android.widget.CompoundButton;
import android.widget.LinearLayout;
import android.widget.TextView;
import haredge.core.Card;
import haredge.core.InputError;
import haredge.live.Decision;
import haredge.live.Notice;
import haredge.live.Session;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Shows the one screen: the activity, its probability, the last minutes and the buttons. It holds no state. */
public final class MainActivity extends Activity {
    private static final long REFRESH_MS = 500;
    private static final int OPEN = 1;

    private final Handler handler = new Handler(Looper.getMainLooper());
    private final Runnable refresh = this::refresh;
    private final List<ProbabilityRow> rows = new ArrayList<>();
    private Card shownCard; // by the rows
    private RecognitionService service;
    private RecordingControls recording;
    private Models models;
    private String instruction;
    private boolean isWornAnyWay;

    private final ServiceConnection connection = new ServiceConnection() {
        @Override
        public void onServiceConnected(ComponentName name, IBinder access) {
            service = ((RecognitionService.Access) access).service();
        }

        @Override
        public void onServiceDisconnected(ComponentName name) {
            service = null;
        }
    };

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        recording = new RecordingControls(this);
        models = new Models(this);
        instruction = instruction();
        button(R.id.model).setOnClickListener(view -> chooseModel());
        button(R.id.start).setOnClickListener(view -> {
            if (isAtWork()) {
                stop();
            } else {
                start(null);
            }
        });
        CompoundButton waist = findViewById(R.id.waist);
        waist.setChecked(models.atWaist());
        waist.setOnCheckedChangeListener((view, isChecked) -> models.wearAtWaist(isChecked));
        button(R.id.replay).setOnClickListener(view -> chooseRecording());
        askForNotifications();
        if (state == null) {
            play(getIntent());
        }
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        play(intent);
    }

    @Override
    protected void onStart() {
        super.onStart();
        bindService(new Intent(this, RecognitionService.class), connection, Context.BIND_AUTO_CREATE);
        handler.post(refresh);
    }

    @Override
    protected void onStop() {
        handler.removeCallbacks(refresh); // nothing is drawn while nobody looks
        unbindService(connection);
        service = null;
        super.onStop();
    }

    Session session() {
        return service == null ? null : service.session();
    }

    /** Where recordings are kept, which a cable or a file manager can reach. */
    File recordings() {
        return getExternalFilesDir("recordings");
    }

    private boolean isAtWork() {
        return session() != null && !session().isOver();
    }

    private void stop() {
        startService(new Intent(this, RecognitionService.class).setAction(RecognitionService.STOP));
    }

    private void play(Intent intent) {
        String replay = intent.getStringExtra(RecognitionService.REPLAY);
        if (replay != null) {
            start(replay);
        }
    }

    private void start(String replay) {
        Intent intent = new Intent(this, RecognitionService.class).putExtra(RecognitionService.REPLAY, replay);
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
            startForegroundService(intent);
        } else {
            startService(intent);
        }
    }

    private void chooseRecording() {
        File folder = recordings();
        String[] found = folder == null ? null : folder.list((in, name) -> name.endsWith(".csv"));
        String[] names = found == null ? new String[0] : found;
        Arrays.sort(names);
        AlertDialog.Builder dialog = new AlertDialog.Builder(this).setTitle(R.string.replay);
        if (names.length == 0) {
            dialog.setMessage(R.string.no_recordings);
        } else {
            dialog.setItems(names, (shown, which) -> start(new File(folder, names[which]).getPath()));
        }
        dialog.show();
    }

    private void chooseModel() {
        List<String> choices = models.names();
        choices.add(getString(R.string.open));
        Intent chooser = new Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*");
        new AlertDialog.Builder(this).setItems(choices.toArray(new String[0]), (shown, which) -> {
            if (which == choices.size() - 1) {
                startActivityForResult(chooser, OPEN);
            } else {
                models.choose(which);
                stop(); // what was reported before
                instruction = instruction();
            }
        }).show();
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request == OPEN && result == RESULT_OK && data != null) {
            stop();
            new Thread(() -> open(data.getData()), "har-edge model").start(); // the file may come from far away
        }
    }

    private void open(Uri document) {
        try {
            models.open(document);
            handler.post(() -> instruction = instruction());
        } catch (InputError error) {
            handler.post(() -> instruction = error.getMessage());
        }
    }

    /** Without the permission everything works; the notification alone is not to be seen. */
    private void askForNotifications() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU
                && checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(new String[] {Manifest.permission.POST_NOTIFICATIONS}, 0);
        }
    }

    private void refresh() {
        Session session = session();
        button(R.id.model).setVisibility(isAtWork() ? View.GONE : View.VISIBLE);
        findViewById(R.id.waist).setVisibility(isAtWork() || !isWornAnyWay ? View.GONE : View.VISIBLE);
        button(R.id.model).setText(getString(R.string.model, models.names().get(models.chosen())));
        button(R.id.start).setText(isAtWork() ? R.string.stop : R.string.start);
        recording.show(isAtWork() ? session : null);
        findViewById(R.id.about).setVisibility(session == null ? View.VISIBLE : View.GONE);
        findViewById(R.id.live).setVisibility(session == null ? View.GONE : View.VISIBLE);
        Decision decision = session == null ? null : session.history.latest();
        String fault = service == null ? null : service.fault();
        if (session == null || fault != null) {
            show(getString(fault == null ? R.string.ready : R.string.stopped), fault == null ? instruction : fault);
        } else if (decision == null) {
            show(getString(R.string.starting), getString(R.string.first_window));
        } else {
            Card card = session.classifier.card;
            String status = session.isOver() ? getString(R.string.over) : DecisionText.status(this, card, decision);
            show(DecisionText.headline(this, card, decision), status);
        }
        showProbabilities(session, decision);
        showNumbers(session, decision);
        handler.postDelayed(refresh, REFRESH_MS);
    }

    private String instruction() {
        try {
            isWornAnyWay = models.read().card.isWalkingFrame;
            return getString(isWornAnyWay ? R.string.wear_any_way : R.string.wear);
        } catch (InputError | IOException error) {
            return error.getMessage();
        }
    }

    private void show(String activity, String status) {
        setText(R.id.activity, activity);
        setText(R.id.status, status);
    }

    private void showProbabilities(Session session, Decision decision) {
        if (session == null) {
            return;
        }
        TimelineView timeline = findViewById(R.id.timeline);
        Card card = session.classifier.card;
        LinearLayout list = findViewById(R.id.probabilities);
        if (card != shownCard) {
            shownCard = card;
            list.removeAllViews();
            rows.clear();
            for (int i = 0; i < card.labels.size(); i++) {
                rows.add(new ProbabilityRow(this, list, DecisionText.label(card, i), timeline.colour(i)));
            }
        }
        for (int i = 0; i < rows.size(); i++) {
            rows.get(i).show(decision == null ? 0 : decision.probabilities[i]);
        }
        timeline.show(session.history.all(), card);
    }

    private void showNumbers(Session session, Decision decision) {
        Notice notice = session == null ? null : session.notice();
        String fault = session == null ? null : session.recordingFault();
        String said = notice == null ? "" : DecisionText.notice(this, session.classifier.card, notice);
        setText(R.id.notice, fault != null ? fault : said);
        setText(R.id.worn, session == null ? "" : DecisionText.worn(this, session));
        setText(R.id.numbers, decision == null ? ""
                : getString(R.string.numbers, session.rateHz(), decision.inferenceMs));
    }

    /** Only what changed: each change is read aloud by TalkBack. */
    private void setText(int id, String text) {
        TextView view = findViewById(id);
        if (!text.contentEquals(view.getText())) {
            view.setText(text);
            view.setVisibility(text.isEmpty() ? View.GONE : View.VISIBLE);
        }
    }

    private Button button(int id) {
        return findViewById(id);
    }
}
