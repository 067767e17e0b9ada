package haredge.demo;

import static haredge.demo.Handset.text;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.net.Uri;
import android.view.ViewGroup;
import android.widget.EditText;
import android.widget.Spinner;
import haredge.core.Streams;
import java.io.File;
import java.io.FileInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowDialog;
import org.robolectric.shadows.ShadowToast;

/** Tests the screen: its texts, its models, and that nothing is lost when it is turned. */
@RunWith(SandboxRunner.class)
@Config(sdk = {24, 34}, qualifiers = "w360dp-h760dp-xhdpi", shadows = Motion.class)
public class MainActivityTest {
    private static final String UNKNOWN = "How it is worn is not known yet: postures are unknown until you walk.";

    @Test
    public void start_begins_and_stop_ends() {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        assertEquals("Ready", text(screen, R.id.activity));
        assertTrue(screen.findViewById(R.id.about).isShown());
        assertFalse(screen.findViewById(R.id.record).isShown());
        press(phone, screen, R.id.start);
        assertTrue(phone.motion.isListenedTo());
        assertEquals("Starting…", text(screen, R.id.activity));
        assertEquals("Stop", text(screen, R.id.start));
        assertTrue(screen.findViewById(R.id.record).isShown());
        press(phone, screen, R.id.start);
        assertFalse(phone.motion.isListenedTo());
        assertEquals("Ready", text(screen, R.id.activity));
    }

    @Test
    public void what_is_done_and_how_sure_that_is_and_how_fast_it_came_are_shown() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.atWork(1000);
        assertEquals("Standing", text(screen, R.id.activity));
        assertEquals("", text(screen, R.id.status));
        assertEquals("Taken to be worn at the waist, upright.", text(screen, R.id.worn));
        ViewGroup rows = screen.findViewById(R.id.probabilities);
        assertEquals(6, rows.getChildCount());
        String standing = rows.getChildAt(4).getContentDescription().toString();
        assertTrue(standing, standing.matches("Standing: (9\\d|100) percent"));
        assertTrue(text(screen, R.id.numbers).matches("50\\.0 samples a second, \\d+\\.\\d\\d ms for an answer"));
    }

    @Test
    public void unknown_is_said_with_its_reason() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.atWork(0);
        phone.hang(0, 1000);
        assertEquals("Unknown", text(screen, R.id.activity));
        String reason = DecisionText.reason(screen, phone.service().session().history.latest());
        assertFalse(reason.isEmpty());
        assertEquals(reason, text(screen, R.id.status));
    }

    @Test
    public void what_is_wrong_with_the_sensors_is_said() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.atWork(0);
        for (int i = 0; i < 500; i++) {
            phone.motion.say(1, i * 40_000_000L, 9.8, 0, i % 2 * 0.1);
            phone.motion.say(4, i * 40_000_000L, 0, 0, i % 2 * 0.1);
        }
        phone.motion.settle();
        phone.carry();
        assertEquals("The sensor gives 25 samples a second, and 50 are needed.", text(screen, R.id.notice));
    }

    @Test
    public void a_phone_without_sensors_says_so_and_can_still_play_a_recording() {
        Handset phone = new Handset(new int[0]);
        Activity screen = phone.open().get();
        press(phone, screen, R.id.start);
        assertEquals("Stopped", text(screen, R.id.activity));
        assertEquals("This phone lacks a sensor that the model needs.", text(screen, R.id.status));
        screen.findViewById(R.id.replay).performClick();
        assertTrue(ShadowDialog.getLatestDialog().isShowing());
    }

    @Test
    public void turning_the_phone_interrupts_neither_recognition_nor_a_recording() throws Exception {
        Handset phone = new Handset();
        ActivityController<MainActivity> controller = phone.open();
        Activity screen = controller.get();
        press(phone, screen, R.id.start);
        ((EditText) screen.findViewById(R.id.subject)).setText("s1");
        ((Spinner) screen.findViewById(R.id.label)).setSelection(4);
        press(phone, screen, R.id.record);
        assertEquals("SITTING", phone.service().session().recording().label());
        phone.move(Handset.samples("samples"), 0, 1000);

        phone.turn(controller);
        screen = controller.get();
        assertEquals("Standing", text(screen, R.id.activity));
        assertEquals("Stop recording", text(screen, R.id.record));
        assertEquals("s1", text(screen, R.id.subject));
        assertEquals("Sitting", ((Spinner) screen.findViewById(R.id.label)).getSelectedItem());
        assertEquals("SITTING", phone.service().session().recording().label());
        ((Spinner) screen.findViewById(R.id.label)).setSelection(1);
        phone.carry();
        assertEquals("WALKING", phone.service().session().recording().label());

        press(phone, screen, R.id.record);
        assertNull(phone.service().session().recording());
        File[] files = phone.application.getExternalFilesDir("recordings").listFiles();
        assertTrue(files[0].getName(), files[0].getName().matches("\\d{8}-\\d{6}\\.csv"));
        String[] lines = new String(Streams.readAll(files[0]), StandardCharsets.UTF_8).split("\n");
        assertEquals(1, files.length);
        assertTrue(lines[500], lines[500].endsWith(",SITTING,s1"));
    }

    @Test
    public void a_screen_that_nobody_looks_at_draws_nothing_and_recognition_goes_on() throws Exception {
        Handset phone = new Handset();
        ActivityController<MainActivity> controller = phone.open();
        press(phone, controller.get(), R.id.start);
        controller.pause().stop();
        phone.move(Handset.samples("samples"), 0, 1000);
        phone.carry();
        assertEquals("Starting…", text(controller.get(), R.id.activity));
        phone.comeBack(controller);
        assertEquals("Standing", text(controller.get(), R.id.activity));
    }

    @Test
    public void a_recording_needs_somebody() {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        press(phone, screen, R.id.start);
        press(phone, screen, R.id.record);
        assertEquals("Enter first who wears the phone.", ShadowToast.getTextOfLatestToast());
        assertNull(phone.service().session().recording());
    }

    @Test
    public void a_recording_is_chosen_from_a_list_or_named_by_a_computer() throws Exception {
        Handset phone = new Handset();
        ActivityController<MainActivity> controller = phone.open();
        Activity screen = controller.get();
        File file = new File(((MainActivity) screen).recordings(), "a.csv");
        String text = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n1,1,0,0,0,0,0\n900,1,0,0,0,0,0\n";
        Streams.write(file, text.getBytes(StandardCharsets.UTF_8));
        screen.findViewById(R.id.replay).performClick();
        AlertDialog dialog = (AlertDialog) ShadowDialog.getLatestDialog();
        assertEquals("a.csv", dialog.getListView().getAdapter().getItem(0));
        shadowOf(dialog).clickOnItem(0);
        phone.carry();
        assertEquals("Starting…", text(screen, R.id.activity));
        press(phone, screen, R.id.start);
        controller.newIntent(new Intent().putExtra(RecognitionService.REPLAY, file.getPath()));
        phone.carry();
        assertEquals("Starting…", text(screen, R.id.activity));
        phone.destroyService();
    }

    @Test
    public void the_model_for_phones_worn_any_way_comes_first() {
        Models models = new Models(RuntimeEnvironment.getApplication());
        assertEquals(Arrays.asList("edge-anywhere", "edge"), models.names());
        assertEquals(0, models.chosen());
        Handset phone = new Handset();
        models.choose(0);
        Activity screen = phone.open().get();
        assertTrue(text(screen, R.id.status), text(screen, R.id.status).contains("walk a few steps"));
        choose(screen, 1);
        phone.carry();
        assertEquals("Model: edge", text(screen, R.id.model));
        assertTrue(text(screen, R.id.status), text(screen, R.id.status).contains("upright"));
        press(phone, screen, R.id.start);
        assertEquals("edge", phone.service().session().classifier.card.name);
        assertFalse(screen.findViewById(R.id.model).isShown());
    }

    @Test
    public void a_file_that_cannot_be_used_is_refused_on_the_screen_and_the_model_stays() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        pick(phone, screen, "damaged.tflite");
        await(phone, screen, R.id.status, "damaged.tflite is damaged");
        pick(phone, screen, "samples");
        await(phone, screen, R.id.status, "samples is not a TFLite model");
        assertEquals("Model: edge", text(screen, R.id.model));
        press(phone, screen, R.id.start);
        assertTrue(phone.motion.isListenedTo());
    }

    @Test
    public void a_model_without_rotation_is_opened_and_leaves_the_gyroscope_off() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        pick(phone, screen, "without_rotation.tflite");
        await(phone, screen, R.id.model, "Model: without_rotation.tflite");
        press(phone, screen, R.id.start);
        assertEquals(Collections.singletonList("1 every 20000 us, late by 0"), phone.motion.asked());
        phone.move(Handset.samples("samples"), 0, 200);
        assertEquals(50, phone.service().session().rateHz(), 0.1);
        assertTrue(phone.service().session().history.latest().seconds > 0);
    }

    /** The caller gives walking, then lying on the back. */
    @Test
    public void how_the_phone_is_worn_is_found_from_walking_and_said() throws Exception {
        Handset phone = new Handset();
        new Models(phone.application).choose(0);
        Activity screen = phone.open().get();
        screen.findViewById(R.id.start).performClick();
        ByteBuffer samples = Handset.samples("walk");
        show(phone, samples, 0, 200);
        assertEquals(UNKNOWN, text(screen, R.id.worn));
        show(phone, samples, 200, 1000);
        assertEquals("Taken to be worn as your last steps showed. Worn at some places (trouser pocket), sitting and "
                + "lying look alike.", text(screen, R.id.worn));
        assertEquals("", text(screen, R.id.notice)); // which would say the same
        show(phone, samples, 1000, 2500);
        assertEquals("Sitting or lying", text(screen, R.id.activity));
        show(phone, samples, 0, 200); // the clock is set back
        assertEquals(UNKNOWN, text(screen, R.id.worn));
        phone.destroyService();
    }

    @Test
    public void at_the_waist_lying_is_told_from_sitting() throws Exception {
        Handset phone = new Handset();
        new Models(phone.application).choose(0);
        Activity screen = phone.open().get();
        screen.findViewById(R.id.waist).performClick();
        press(phone, screen, R.id.start);
        show(phone, Handset.samples("walk"), 0, 2500);
        assertEquals("Taken to be worn as your last steps showed.", text(screen, R.id.worn));
        assertEquals("Lying", text(screen, R.id.activity));
        phone.destroyService();
    }

    private static void press(Handset phone, Activity screen, int button) {
        screen.findViewById(button).performClick();
        phone.carry();
    }

    private static void pick(Handset phone, Activity screen, String file) throws Exception {
        Uri document = Uri.parse("content://documents/" + file);
        shadowOf(phone.application.getContentResolver())
                .registerInputStream(document, new FileInputStream(Handset.file(file)));
        choose(screen, new Models(phone.application).names().size());
        Intent asked = shadowOf(screen).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.getAction());
        shadowOf(screen).receiveResult(asked, Activity.RESULT_OK, new Intent().setData(document));
    }

    private static void await(Handset phone, Activity screen, int id, String begin) throws InterruptedException {
        for (int i = 0; i < 500 && !text(screen, id).startsWith(begin); i++) {
            Thread.sleep(20);
            phone.carry();
        }
        assertTrue(text(screen, id), text(screen, id).startsWith(begin));
    }

    private static void choose(Activity screen, int place) {
        screen.findViewById(R.id.model).performClick();
        shadowOf((AlertDialog) ShadowDialog.getLatestDialog()).clickOnItem(place);
    }

    private static void show(Handset phone, ByteBuffer samples, int from, int to) throws Exception {
        phone.carry();
        phone.move(samples, from, to);
        phone.carry();
    }
}
