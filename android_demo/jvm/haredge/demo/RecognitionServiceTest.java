package haredge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.ForegroundServiceStartNotAllowedException;
import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.Service;
import android.content.Intent;
import android.os.Build;
import haredge.core.Streams;
import haredge.live.CsvRecorder;
import haredge.live.Decision;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowNotificationManager;
import org.robolectric.shadows.ShadowPowerManager;

/** Tests how the service uses Android, on the oldest version that it runs on and a new one. */
@RunWith(SandboxRunner.class)
@Config(sdk = {24, 34}, shadows = Motion.class)
public class RecognitionServiceTest {
    private static final String HEADER = "timestamp[ns],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n";

    @Test
    public void it_listens_in_the_foreground_and_keeps_the_phone_awake_until_it_is_stopped() {
        Handset phone = new Handset();
        assertEquals(Service.START_STICKY, phone.command(new Intent()));
        assertEquals(Service.START_STICKY, phone.command(new Intent())); // nothing is begun twice
        assertEquals(Arrays.asList("1 every 20000 us, late by 0", "4 every 20000 us, late by 0"), phone.motion.asked());
        assertTrue(isAwake());
        assertTrue(isInForeground(phone));
        assertEquals("Starting…", text(shadowOf(phone.service()).getLastForegroundNotification()));
        assertEquals(Service.START_NOT_STICKY, stop(phone));
        assertEnded(phone, null);
    }

    /** What it decides and records is compared with Python's by those who run this. */
    @Test
    @Config(sdk = 34)
    public void what_sensors_say_is_recognised_notified_and_recorded() throws Exception {
        Handset phone = new Handset();
        phone.command(new Intent());
        File folder = Handset.file("recordings");
        assertTrue(folder.mkdir());
        CsvRecorder recorder = new CsvRecorder(new File(folder, "a.csv"), "s1, left");
        recorder.label("SITTING");
        phone.service().session().record(recorder);
        ByteBuffer samples = Handset.samples("samples");
        phone.move(samples, 0, 7500);
        assertEquals(50, phone.service().session().rateHz(), 0.1);
        ByteBuffer found = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (Decision decision : phone.service().session().history.all()) {
            found.putDouble(decision.seconds).putDouble(decision.label);
        }
        Decision latest = phone.service().session().history.latest();
        assertEquals(DecisionText.activity(phone.service(), phone.service().session().classifier.card, latest),
                text(notifications(phone).getNotification(Notifications.ID)));
        stop(phone);
        Streams.write(Handset.file("decisions"), Arrays.copyOf(found.array(), found.position()));
    }

    @Test
    public void its_notification_opens_the_screen_and_stops_it_and_makes_no_sound() {
        Handset phone = new Handset();
        phone.command(new Intent());
        Notification notification = shadowOf(phone.service()).getLastForegroundNotification();
        assertTrue((notification.flags & Notification.FLAG_ONGOING_EVENT) != 0);
        assertEquals(MainActivity.class.getName(),
                shadowOf(notification.contentIntent).getSavedIntent().getComponent().getClassName());
        phone.command(shadowOf(notification.actions[0].actionIntent).getSavedIntent());
        assertEnded(phone, null);
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
            NotificationChannel channel = notifications(phone).getNotificationChannels().get(0);
            assertEquals(NotificationManager.IMPORTANCE_LOW, channel.getImportance());
        }
    }

    @Test
    public void sensors_that_are_refused_are_reported() {
        Handset phone = new Handset();
        phone.motion.setForceListenersToFail(true);
        phone.command(new Intent());
        phone.carry();
        assertEnded(phone, "the phone does not let this app use its motion sensors");
    }

    @Test
    public void when_the_system_ends_it_everything_is_let_go_of_and_a_recording_is_whole() throws Exception {
        Handset phone = new Handset();
        phone.command(new Intent());
        File recording = new File(phone.application.getCacheDir(), "a.csv");
        phone.service().session().record(new CsvRecorder(recording, "s1"));
        phone.move(Handset.samples("samples"), 0, 100);
        phone.destroyService();
        assertFalse(phone.motion.isListenedTo());
        assertFalse(isAwake());
        // The last acceleration waits for the rotation after it, and a line is the header.
        assertEquals(100 + 1, new String(Streams.readAll(recording), StandardCharsets.UTF_8).split("\n").length);
    }

    @Test
    public void the_system_may_start_it_anew() {
        Handset phone = new Handset();
        assertEquals(Service.START_STICKY, phone.command(null));
        assertTrue(phone.motion.isListenedTo());
    }

    @Test
    @Config(sdk = 34)
    public void where_android_does_not_let_it_into_the_foreground_it_ends_and_says_so() {
        Handset phone = new Handset();
        shadowOf(phone.service())
                .setThrowInStartForeground(new ForegroundServiceStartNotAllowedException("not from the background"));
        assertEquals(Service.START_NOT_STICKY, phone.command(null));
        assertFalse(phone.motion.isListenedTo());
        assertFalse(isAwake());
        assertNotNull(phone.service().fault());
    }

    @Test
    public void a_recording_is_played_at_its_own_pace_and_stays_to_be_looked_at() throws Exception {
        Handset phone = new Handset();
        StringBuilder text = new StringBuilder(HEADER);
        for (int i = 0; i < 150; i++) {
            text.append(i * 20_000_000L).append(",1,0,0,0,0,").append(i % 2).append('\n');
        }
        long began = System.nanoTime();
        assertEquals(Service.START_NOT_STICKY, phone.command(replay(phone, text.toString())));
        awaitEnd(phone);
        assertTrue(System.nanoTime() - began >= 149 * 20_000_000L);
        assertNull(phone.service().fault());
        assertNotNull(phone.service().session().history.latest());
        assertFalse(isInForeground(phone));
        assertFalse(isAwake());
        assertFalse(phone.motion.isListenedTo());
        phone.command(new Intent());
        assertTrue(phone.motion.isListenedTo());
    }

    @Test
    public void a_recording_takes_the_place_of_the_sensors() throws Exception {
        Handset phone = new Handset();
        phone.command(new Intent());
        phone.command(replay(phone, HEADER + "0,1,0,0,0,0,0\n9000000000000,1,0,0,0,0,0\n"));
        assertFalse(phone.motion.isListenedTo());
        assertTrue(isAwake());
        phone.destroyService();
    }

    @Test
    public void what_is_no_recording_is_refused() throws Exception {
        assertRefused("", "has no column 'timestamp'");
        assertRefused(HEADER.replace("ax[g]", "ax"), "has no column 'ax' with its unit");
        assertRefused(HEADER.replace("ax[g]", "ax[s]"), "has no column 'ax' with its unit");
        assertRefused(HEADER + "1,2,3\n", "line 2 has no whole sample");
        assertRefused(HEADER, "has no samples");
    }

    private static void assertRefused(String text, String sentence) throws Exception {
        Handset phone = new Handset();
        phone.command(replay(phone, text));
        awaitEnd(phone);
        String fault = phone.service().fault();
        assertTrue(fault, fault.contains(sentence));
        assertEnded(phone, fault);
    }

    private static Intent replay(Handset phone, String text) throws IOException {
        File file = new File(phone.application.getCacheDir(), "a.csv");
        Streams.write(file, text.getBytes(StandardCharsets.UTF_8));
        return new Intent().putExtra(RecognitionService.REPLAY, file.getPath());
    }

    private static void awaitEnd(Handset phone) throws InterruptedException {
        for (int i = 0; i < 500 && isInForeground(phone); i++) {
            Thread.sleep(20);
            phone.carry();
        }
    }

    private static int stop(Handset phone) {
        return phone.command(new Intent().setAction(RecognitionService.STOP));
    }

    private static void assertEnded(Handset phone, String fault) {
        assertEquals(fault, phone.service().fault());
        assertNull(phone.service().session());
        assertFalse(phone.motion.isListenedTo());
        assertFalse(isAwake());
        assertFalse(isInForeground(phone));
        assertTrue(shadowOf(phone.service()).isStoppedBySelf());
    }

    private static boolean isInForeground(Handset phone) {
        return !shadowOf(phone.service()).isForegroundStopped();
    }

    private static boolean isAwake() {
        return ShadowPowerManager.getLatestWakeLock().isHeld();
    }

    private static String text(Notification notification) {
        return notification.extras.getString(Notification.EXTRA_TEXT);
    }

    private static ShadowNotificationManager notifications(Handset phone) {
        return shadowOf(phone.application.getSystemService(NotificationManager.class));
    }
}
