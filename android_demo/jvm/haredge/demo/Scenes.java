package haredge.demo;

import android.content.Context;
import android.content.Intent;
import haredge.core.Streams;
import haredge.live.CsvRecorder;
import haredge.live.Decision;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Scenes of the life of the service, on fakes of Android; what was said to these is printed after each step. */
public final class Scenes {
    private static final int ACCELEROMETER = 1;
    private static final int GYROSCOPE = 4;

    private final RecognitionService service = new RecognitionService();

    private Scenes() {}

    public static void main(String[] arguments) throws Exception {
        Scenes scenes = new Scenes();
        switch (arguments[0]) {
            case "day":
                scenes.day(arguments[1], arguments[2], arguments[3]);
                break;
            case "cannot":
                scenes.cannot();
                break;
            case "replay":
                scenes.replay(arguments[1]);
                break;
            case "destroyed":
                scenes.destroyed();
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
    }

    /** Start twice, listen to sensors with a recording of it, stop, and hear sensors that nobody listens to. */
    private void day(String samples, String decisions, String recording) throws Exception {
        create();
        command(new Intent());
        command(new Intent());
        CsvRecorder recorder = new CsvRecorder(new File(recording).getAbsoluteFile(), "s1, left");
        recorder.label("SITTING");
        service.session().record(recorder);
        sense(samples);
        ByteBuffer found = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
        for (Decision decision : service.session().history.all()) {
            found.putDouble(decision.seconds).putDouble(decision.label).putDouble(decision.reason.ordinal());
        }
        byte[] content = java.util.Arrays.copyOf(found.array(), found.position());
        Streams.write(new File(decisions).getAbsoluteFile(), content);
        System.out.printf("rate %.1f%n", service.session().rateHz());
        print("sensed");
        command(new Intent().setAction(RecognitionService.STOP));
        if (Context.sensors.tell(ACCELEROMETER, Long.MAX_VALUE, 0, 0, 0) || service.session() != null) {
            throw new AssertionError("it goes on");
        }
    }

    private void cannot() {
        create();
        command(new Intent());
        System.out.println("fault: " + service.fault() + ", session: " + (service.session() != null));
    }

    private void replay(String file) throws Exception {
        create();
        command(new Intent().putExtra(RecognitionService.REPLAY, file));
        while (service.fault() == null && service.session() != null && service.session().history.latest() == null) {
            Thread.sleep(20);
        }
        System.out.println("fault: " + service.fault() + ", session: " + (service.session() != null));
        service.onDestroy();
        print("destroyed");
    }

    private void destroyed() {
        create();
        command(null); // as the system does that starts it anew
        service.onDestroy();
        print("destroyed");
    }

    private void create() {
        service.onCreate();
        print("created");
    }

    private void command(Intent intent) {
        int answer = service.onStartCommand(intent, 0, 0);
        print("commanded " + answer);
    }

    /** Samples [n, 7] float64: nanoseconds, and what both sensors say then. */
    private static void sense(String samples) throws Exception {
        ByteBuffer values = ByteBuffer.wrap(Streams.readAll(new File(samples))).order(ByteOrder.LITTLE_ENDIAN);
        while (values.hasRemaining()) {
            long nanos = (long) values.getDouble();
            float[] v = new float[6];
            for (int i = 0; i < v.length; i++) {
                v[i] = (float) values.getDouble();
            }
            Context.sensors.tell(ACCELEROMETER, nanos, v[0], v[1], v[2]);
            Context.sensors.tell(GYROSCOPE, nanos, v[3], v[4], v[5]);
        }
    }

    private static void print(String step) {
        System.out.println(step + ": " + String.join(" | ", Journal.take()));
    }
}
