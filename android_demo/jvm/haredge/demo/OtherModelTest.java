package haredge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.content.Intent;
import android.hardware.Sensor;
import android.widget.TextView;
import java.nio.ByteBuffer;
import java.util.Collections;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.annotation.Config;

/** Tests the app with other models, which the caller puts there. */
@RunWith(SandboxRunner.class)
@Config(sdk = 34, shadows = Motion.class)
public class OtherModelTest {
    @Test
    public void a_damaged_model_is_reported() {
        Handset phone = new Handset();
        phone.command(new Intent());
        assertTrue(phone.service().fault(), phone.service().fault().contains("is damaged"));
        assertFalse(phone.motion.isListenedTo());
    }

    @Test
    public void a_model_without_rotation_leaves_the_gyroscope_off() throws Exception {
        for (Handset phone : new Handset[] {new Handset(), new Handset(Sensor.TYPE_ACCELEROMETER)}) {
            int before = phone.motion.asked().size();
            phone.command(new Intent());
            assertEquals(Collections.singletonList("1 every 20000 us, late by 0"),
                    phone.motion.asked().subList(before, phone.motion.asked().size()));
            phone.move(Handset.samples(), 0, 200);
            assertEquals(50, phone.service().session().rateHz(), 0.1);
            assertTrue(phone.service().session().history.latest().seconds > 0);
            phone.destroyService();
        }
    }

    /** In an app with {@code edge-anywhere}, which is given walking, then lying on the back. */
    @Test
    public void how_the_phone_is_worn_is_found_from_walking_and_said() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.open().get();
        assertTrue(text(screen, R.id.status), text(screen, R.id.status).contains("walk a few steps"));
        screen.findViewById(R.id.start).performClick();
        ByteBuffer samples = Handset.samples();
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

    private static void show(Handset phone, ByteBuffer samples, int from, int to) throws Exception {
        phone.carry();
        phone.move(samples, from, to);
        phone.carry();
    }

    private static String text(Activity screen, int id) {
        return ((TextView) screen.findViewById(id)).getText().toString();
    }
}
