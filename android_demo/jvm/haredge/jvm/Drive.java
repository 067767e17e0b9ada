package haredge.jvm;

import haredge.bench.Machine;
import haredge.bench.Worker;
import haredge.core.Classifier;
import haredge.core.ModelFile;
import haredge.core.Streams;
import haredge.demo.TfLiteEngine;
import haredge.live.Decision;
import haredge.live.LiveRecognizer;
import haredge.live.Notice;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;

/** Runs the app's core on a desktop, a command a run; numbers pass as little-endian files. */
public final class Drive {
    private Drive() {}

    public static void main(String[] arguments) throws Exception {
        String[] files = Arrays.copyOfRange(arguments, 1, arguments.length);
        if (arguments[0].equals("live")) {
            live(files);
        } else {
            worker(files);
        }
    }

    /**
     * Model, placement, then pairs: samples [n, 7] float64 to decisions [n, 4 + n_labels] float64; prints notices with the pair's
     * number. Times are in microseconds.
     */
    private static void live(String[] files) throws Exception {
        ModelFile model = new ModelFile(Streams.readAll(new File(files[0])), files[0]);
        try (Classifier classifier = new Classifier(model, TfLiteEngine::new, 1)) {
            for (int i = 2; i < files.length; i += 2) {
                ByteBuffer samples = ByteBuffer.wrap(Streams.readAll(new File(files[i])));
                samples.order(ByteOrder.LITTLE_ENDIAN);
                live(classifier, files[1].equals("waist"), samples, new File(files[i + 1]), i / 2 - 1);
            }
        }
    }

    private static void live(Classifier classifier, boolean atWaist, ByteBuffer values, File target, int number)
            throws Exception {
        ByteBuffer decisions = ByteBuffer.allocate(1 << 22).order(ByteOrder.LITTLE_ENDIAN);
        LiveRecognizer recognizer = new LiveRecognizer(classifier, atWaist, new LiveRecognizer.Listener() {
            @Override
            public void decided(Decision decision) {
                decisions.putDouble(Math.rint(1e6 * decision.seconds)).putDouble(decision.label);
                decisions.putDouble(decision.warmingUp ? 1 : 0).putDouble(decision.reason.ordinal());
                for (double probability : decision.probabilities) {
                    decisions.putDouble(probability);
                }
            }

            @Override
            public void noticed(Notice notice) {
                System.out.println(number + " " + notice.kind + " " + Math.round(1e6 * notice.seconds));
            }
        });
        double[] sample = new double[6];
        while (values.hasRemaining()) {
            long us = (long) values.getDouble();
            for (int i = 0; i < sample.length; i++) {
                sample[i] = values.getDouble();
            }
            recognizer.push(us, sample);
        }
        recognizer.flush();
        Streams.write(target.getAbsoluteFile(), Arrays.copyOf(decisions.array(), decisions.position()));
    }

    private static void worker(String[] files) throws IOException {
        TfLiteEngine.load();
        Worker.Progress progress = (stage, share) -> System.out.println(
                "{\"stage\": \"" + stage + "\", \"share\": " + share + "}");
        Machine machine = new Machine(Map.of("os", "Android 14", "board", "JVM"));
        new Worker(TfLiteEngine::new, machine, progress).run(new File(files[0]), new File(files[1]));
    }
}
