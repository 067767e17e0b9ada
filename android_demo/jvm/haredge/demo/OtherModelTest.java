package haredge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.hardware.Sensor;
import java.util.Collections;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.annotation.Config;

/** Tests the app with other models, which the caller puts there. */
@RunWith(SandboxRunner.class)
@Config(sdk = 34, shadows = Motion.class)
public class OtherModelTest {
    /** In an app with a damaged model. */
    @Test
    public void a_damaged_model_is_reported() {
        Handset phone = new Handset();
        phone.command(new Intent());
        assertTrue(phone.service().fault(), phone.service().fault().contains("is damaged"));
        assertFalse(phone.motion.isListenedTo());
    }

    /** In an app with a model that takes accelerations alone. */
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
}
