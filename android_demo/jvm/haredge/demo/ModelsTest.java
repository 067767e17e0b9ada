package haredge.demo;

import static haredge.demo.Handset.text;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.net.Uri;
import java.io.FileInputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowDialog;

/** Tests the models that the app offers, and others from files, which the caller puts there. */
@RunWith(SandboxRunner.class)
@Config(sdk = {24, 34}, shadows = Motion.class)
public class ModelsTest {
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
        screen.findViewById(R.id.start).performClick();
        phone.carry();
        assertEquals("edge", phone.service().session().classifier.card.name);
        assertFalse(screen.findViewById(R.id.model).isShown());
    }

    @Test
    public void a_file_that_cannot_be_used_is_refused_on_the_screen_and_the_model_stays() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        for (String[] refused : new String[][] {{"damaged.tflite", "is damaged"}, {"samples", "is not a TFLite model"}}) {
            pick(phone, screen, refused[0]);
            await(phone, screen, R.id.status, refused[0] + " " + refused[1]);
        }
        assertEquals("Model: edge", text(screen, R.id.model));
        screen.findViewById(R.id.start).performClick();
        phone.carry();
        assertTrue(phone.motion.isListenedTo());
    }

    @Test
    public void a_model_without_rotation_is_opened_and_leaves_the_gyroscope_off() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        pick(phone, screen, "without_rotation.tflite");
        await(phone, screen, R.id.model, "Model: without_rotation.tflite");
        screen.findViewById(R.id.start).performClick();
        phone.carry();
        assertEquals(Collections.singletonList("1 every 20000 us, late by 0"), phone.motion.asked());
        phone.move(Handset.samples(), 0, 200);
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
        assertEquals("How it is worn is not known: only movement can be told.", text(screen, R.id.worn));
        show(phone, samples, 200, 1000);
        assertEquals("Taken to be worn as your last steps showed. Where on the body is not known: one place "
                + "(trouser pocket) cannot tell sitting and lying apart.", text(screen, R.id.worn));
        assertEquals("", text(screen, R.id.notice)); // which would say the same
        show(phone, samples, 1000, 2500);
        assertEquals("Sitting or lying", text(screen, R.id.activity));
        show(phone, samples, 0, 200); // the clock is set back
        assertEquals("How it is worn is not known: only movement can be told.", text(screen, R.id.worn));
        phone.destroyService();
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
