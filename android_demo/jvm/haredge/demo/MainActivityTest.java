package haredge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.graphics.Color;
import android.util.TypedValue;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.EditText;
import android.widget.Spinner;
import android.widget.TextView;
import haredge.core.Streams;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowDialog;
import org.robolectric.shadows.ShadowToast;

/** Tests the screen: its texts and pictures, and that nothing is lost when it is turned. */
@RunWith(SandboxRunner.class)
@Config(sdk = {24, 34}, qualifiers = "w360dp-h760dp-xhdpi", shadows = Motion.class)
public class MainActivityTest {
    private static final double LEAST_CONTRAST = 4.5; // WCAG 2.2, 1.4.3

    @Test
    public void start_begins_and_stop_ends() {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        assertEquals("Stopped", text(screen, R.id.activity));
        assertFalse(screen.findViewById(R.id.record).isShown());
        press(phone, screen, R.id.start);
        assertTrue(phone.motion.isListenedTo());
        assertEquals("Starting…", text(screen, R.id.activity));
        assertEquals("Stop", text(screen, R.id.start));
        assertTrue(screen.findViewById(R.id.record).isShown());
        press(phone, screen, R.id.start);
        assertFalse(phone.motion.isListenedTo());
        assertEquals("Stopped", text(screen, R.id.activity));
    }

    @Test
    public void what_is_done_and_how_sure_that_is_and_how_fast_it_came_are_shown() throws Exception {
        Handset phone = new Handset();
        Activity screen = atWork(phone, 1000);
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
        Activity screen = atWork(phone, 0);
        for (int i = 0; i < 1000; i++) {
            phone.motion.say(1, i * 20_000_000L, -9.80665 + (i % 3) * 0.01, 0, 0); // upside down
            phone.motion.say(4, i * 20_000_000L, 0, 0, (i % 3) * 0.001);
        }
        phone.motion.settle();
        phone.carry();
        assertEquals("Unknown", text(screen, R.id.activity));
        String reason = DecisionText.reason(screen, phone.service().session().history.latest());
        assertFalse(reason.isEmpty());
        assertEquals(reason, text(screen, R.id.status));
    }

    @Test
    public void what_is_wrong_with_the_sensors_is_said() throws Exception {
        Handset phone = new Handset();
        Activity screen = atWork(phone, 0);
        for (int i = 0; i < 500; i++) {
            phone.motion.say(1, i * 40_000_000L, 9.8, 0, i % 2 * 0.1);
            phone.motion.say(4, i * 40_000_000L, 0, 0, i % 2 * 0.1);
        }
        phone.motion.settle();
        phone.carry();
        assertEquals("The sensor gives 25 samples a second, and 50 are needed.", text(screen, R.id.notice));
    }

    @Test
    @Config(sdk = 34)
    public void without_notifications_it_works_all_the_same() {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        assertEquals(Manifest.permission.POST_NOTIFICATIONS,
                shadowOf(screen).getLastRequestedPermission().requestedPermissions[0]);
        screen.onRequestPermissionsResult(0, new String[] {Manifest.permission.POST_NOTIFICATIONS}, new int[] {-1});
        press(phone, screen, R.id.start);
        assertTrue(phone.motion.isListenedTo());
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
        phone.move(Handset.samples(), 0, 1000);

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
        String[] lines = onlyRecording(phone).split("\n");
        assertTrue(lines[500], lines[500].endsWith(",SITTING,s1"));
    }

    @Test
    public void a_screen_that_nobody_looks_at_draws_nothing_and_recognition_goes_on() throws Exception {
        Handset phone = new Handset();
        ActivityController<MainActivity> controller = phone.open();
        press(phone, controller.get(), R.id.start);
        phone.leave(controller);
        phone.move(Handset.samples(), 0, 1000);
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
    public void everything_that_can_be_touched_is_large_enough_and_has_a_name() throws Exception {
        Handset phone = new Handset();
        Activity screen = atWork(phone, 1000);
        int touched = 0;
        for (View view : views(screen.findViewById(android.R.id.content))) {
            if (view.isShown() && (view.isClickable() || view instanceof Spinner)) {
                assertTrue(view.toString(), view.getHeight() >= pixels(screen, 48));
                assertTrue(view.toString(), view.getWidth() >= pixels(screen, 48));
                boolean named = view instanceof TextView
                        && (((TextView) view).length() > 0 || ((TextView) view).getHint() != null);
                assertTrue(view.toString(), named || view.getContentDescription() != null);
                touched++;
            }
        }
        assertEquals(6, touched);
    }

    @Test
    public void a_new_activity_is_read_aloud_and_an_activity_with_its_share_is_one_thing_to_talkback() throws Exception {
        Handset phone = new Handset();
        Activity screen = atWork(phone, 1000);
        assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE,
                screen.findViewById(R.id.activity).getAccessibilityLiveRegion());
        View row = ((ViewGroup) screen.findViewById(R.id.probabilities)).getChildAt(0);
        assertTrue(row.isFocusable());
        for (View part : views(row)) {
            assertTrue(part == row || !part.isImportantForAccessibility());
        }
        assertNotNull(screen.findViewById(R.id.timeline).getContentDescription());
    }

    @Test
    @Config(fontScale = 2)
    public void nothing_is_cut_off_where_fonts_are_twice_as_large() throws Exception {
        Handset phone = new Handset();
        Activity screen = atWork(phone, 1000);
        int texts = 0;
        for (View view : views(screen.findViewById(android.R.id.content))) {
            if (view.isShown() && view instanceof TextView && ((TextView) view).length() > 0) {
                TextView text = (TextView) view;
                assertEquals(text.getText().toString(), 0, text.getLayout().getEllipsisCount(text.getLineCount() - 1));
                int room = text.getHeight() - text.getCompoundPaddingTop() - text.getCompoundPaddingBottom();
                assertTrue(text.getText().toString(), text.getLayout().getHeight() <= room);
                assertTrue(text.getText().toString(), text.getWidth() <= pixels(screen, 360));
                texts++;
            }
        }
        assertTrue(texts > 15);
    }

    @Test
    public void texts_stand_out_by_day() throws Exception {
        assertTextsStandOut(true);
    }

    @Test
    @Config(qualifiers = "w360dp-h760dp-night-xhdpi")
    public void texts_stand_out_by_night() throws Exception {
        assertTextsStandOut(false);
    }

    private static void assertTextsStandOut(boolean day) throws Exception {
        Handset phone = new Handset();
        Activity screen = atWork(phone, 1000);
        TypedValue value = new TypedValue();
        screen.getTheme().resolveAttribute(android.R.attr.colorBackground, value, true);
        assertEquals(day, luminance(value.data) > 0.5);
        for (View view : views(screen.findViewById(android.R.id.content))) {
            if (view.isShown() && view instanceof TextView && !(view instanceof Button)) {
                int over = over(((TextView) view).getCurrentTextColor(), value.data);
                assertTrue(((TextView) view).getText().toString(), contrast(over, value.data) >= LEAST_CONTRAST);
            }
        }
        assertTrue(contrast(Color.WHITE, screen.getColor(R.color.bar)) >= LEAST_CONTRAST);
    }

    /** A screen where it was started, after {@code n} samples of somebody who stands. */
    private static Activity atWork(Handset phone, int n) throws Exception {
        Activity screen = phone.open().get();
        press(phone, screen, R.id.start);
        phone.move(Handset.samples(), 0, n);
        phone.carry();
        return screen;
    }

    private static void press(Handset phone, Activity screen, int button) {
        screen.findViewById(button).performClick();
        phone.carry();
    }

    private static String text(Activity screen, int id) {
        return ((TextView) screen.findViewById(id)).getText().toString();
    }

    private static String onlyRecording(Handset phone) throws Exception {
        File[] files = phone.application.getExternalFilesDir("recordings").listFiles();
        assertEquals(1, files.length);
        assertTrue(files[0].getName(), files[0].getName().matches("\\d{8}-\\d{6}\\.csv"));
        return new String(Streams.readAll(files[0]), StandardCharsets.UTF_8);
    }

    private static List<View> views(View root) {
        List<View> all = new ArrayList<>();
        all.add(root);
        if (root instanceof ViewGroup) {
            for (int i = 0; i < ((ViewGroup) root).getChildCount(); i++) {
                all.addAll(views(((ViewGroup) root).getChildAt(i)));
            }
        }
        return all;
    }

    private static float pixels(Activity screen, int dp) {
        return dp * screen.getResources().getDisplayMetrics().density;
    }

    private static int over(int colour, int ground) {
        double share = Color.alpha(colour) / 255.0;
        return Color.rgb(mix(Color.red(colour), Color.red(ground), share),
                mix(Color.green(colour), Color.green(ground), share),
                mix(Color.blue(colour), Color.blue(ground), share));
    }

    private static int mix(int colour, int ground, double share) {
        return (int) Math.round(share * colour + (1 - share) * ground);
    }

    private static double contrast(int one, int other) {
        double a = luminance(one) + 0.05;
        double b = luminance(other) + 0.05;
        return Math.max(a / b, b / a);
    }

    private static double luminance(int colour) {
        return 0.2126 * linear(Color.red(colour)) + 0.7152 * linear(Color.green(colour))
                + 0.0722 * linear(Color.blue(colour));
    }

    private static double linear(int channel) {
        double c = channel / 255.0;
        return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
    }
}
