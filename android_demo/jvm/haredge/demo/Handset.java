package haredge.demo;

import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.Application;
import android.content.ComponentName;
import android.content.Intent;
import android.hardware.Sensor;
import android.os.Looper;
import android.widget.TextView;
import haredge.core.Streams;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.android.controller.ServiceController;

/** Stands for a phone with the app and its model {@code edge}: it carries intents to the service. */
final class Handset {
    private static final long START_NS = 5_000_000_000L;

    final Application application = RuntimeEnvironment.getApplication();
    final Motion motion = Motion.ofPhone();
    private final ServiceController<RecognitionService> controller;
    private int commands;

    Handset() {
        this(Sensor.TYPE_ACCELEROMETER, Sensor.TYPE_GYROSCOPE);
    }

    Handset(int... sensors) {
        motion.with(sensors);
        new Models(application).choose(1);
        controller = Robolectric.buildService(RecognitionService.class).create();
        ComponentName name = new ComponentName(application, RecognitionService.class);
        shadowOf(application).setComponentNameAndServiceForBindService(name, service().onBind(new Intent()));
    }

    static String text(Activity screen, int id) {
        return ((TextView) screen.findViewById(id)).getText().toString();
    }

    RecognitionService service() {
        return controller.get();
    }

    ActivityController<MainActivity> open() {
        ActivityController<MainActivity> screen = Robolectric.buildActivity(MainActivity.class).setup();
        carryAfterBinding();
        return screen;
    }

    /** A screen where it was started, after {@code n} samples of somebody who stands. */
    Activity atWork(int n) throws Exception {
        Activity screen = open().get();
        screen.findViewById(R.id.start).performClick();
        carry();
        move(samples("samples"), 0, n);
        carry();
        return screen;
    }

    void turn(ActivityController<MainActivity> screen) {
        RuntimeEnvironment.setQualifiers("+land");
        screen.recreate();
        carryAfterBinding();
    }

    void comeBack(ActivityController<MainActivity> screen) {
        screen.restart().start().resume();
        carryAfterBinding();
    }

    /** Give what the screen sent to the service to it, and let time pass until the screen has shown what came of it. */
    void carry() {
        carry(sent());
    }

    /** Robolectric notes that the screen bound to the service as it notes what is sent to it: after all else. */
    private void carryAfterBinding() {
        List<Intent> sent = sent();
        carry(sent.subList(0, sent.size() - 1));
    }

    private void carry(List<Intent> intents) {
        for (Intent intent : intents) {
            command(intent);
        }
        shadowOf(Looper.getMainLooper()).idleFor(1, TimeUnit.SECONDS);
    }

    private List<Intent> sent() {
        List<Intent> intents = new ArrayList<>();
        Intent next = shadowOf(application).getNextStartedService();
        for (; next != null; next = shadowOf(application).getNextStartedService()) {
            intents.add(next);
        }
        return intents;
    }

    int command(Intent intent) {
        return service().onStartCommand(intent, 0, ++commands);
    }

    void destroyService() {
        controller.destroy();
    }

    /** Move as in {@code samples}, from place {@code from} up to {@code to}: nanoseconds and what both sensors say. */
    void move(ByteBuffer samples, int from, int to) throws InterruptedException {
        DoubleBuffer values = samples.asDoubleBuffer();
        values.position(7 * from);
        double[] v = new double[7];
        for (int i = from; i < to; i++) {
            values.get(v);
            motion.say(Sensor.TYPE_ACCELEROMETER, (long) v[0], v[1], v[2], v[3]);
            motion.say(Sensor.TYPE_GYROSCOPE, (long) v[0], v[4], v[5], v[6]);
        }
        motion.settle();
    }

    /** Hang upside down for {@code n} samples, which come after {@code from} others. */
    void hang(int from, int n) throws InterruptedException {
        for (int i = from; i < from + n; i++) {
            motion.say(Sensor.TYPE_ACCELEROMETER, START_NS + i * 20_000_000L, 0, -9.80665 + (i % 3) * 0.01, 0);
            motion.say(Sensor.TYPE_GYROSCOPE, START_NS + i * 20_000_000L, 0, 0, (i % 3) * 0.001);
        }
        motion.settle();
        carry();
    }

    /** The file {@code name} of the folder that tests share with those who run them. */
    static File file(String name) {
        return new File(System.getProperty("har-edge.files"), name);
    }

    /** A person's recording {@code [n, 7]}, as {@link #move} takes it. */
    static ByteBuffer samples(String name) throws IOException {
        return ByteBuffer.wrap(Streams.readAll(file(name))).order(ByteOrder.LITTLE_ENDIAN);
    }
}
