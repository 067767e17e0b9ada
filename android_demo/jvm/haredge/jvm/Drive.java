package haredge.jvm;

import haredge.bench.Machine;
import haredge.bench.Worker;
import haredge.core.Classifier;
import haredge.core.FrontEnd;
import haredge.core.ModelFile;
import haredge.core.Streams;
import haredge.demo.TfLiteEngine;
import haredge.live.Decision;
import haredge.live.LiveRecognizer;
import haredge.live.Notice;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Runs the app's core on a desktop, a command a run; numbers pass as little-endian files. */
public final class Drive {
    private Drive() {}

    private interface Command {
        void run(String[] files) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Command> commands = new HashMap<>();
        commands.put("signals", Drive::signals);
        commands.put("classify", Drive::classify);
        commands.put("live", Drive::live);
        commands.put("worker", Drive::worker);
        commands.get(arguments[0]).run(Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    /** Model and raw samples [n, 6] float64 to signals [n, 9] float64. */
    private static void signals(String[] files) throws Exception {
        ModelFile model = model(files[0]);
        ByteBuffer raw = read(files[1]);
        Numbers out = new Numbers();
        FrontEnd frontEnd = new FrontEnd(model.card.filters(), false);
        double[] sample = new double[FrontEnd.CHANNELS];
        while (raw.hasRemaining()) {
            fill(sample, raw);
            out.doubles(frontEnd.push(sample));
        }
        out.doubles(frontEnd.flush());
        out.write(files[2]);
    }

    /** Model and windows [n, samples, signals] float32 to logits and probabilities float32. */
    private static void classify(String[] files) throws Exception {
        ModelFile model = model(files[0]);
        ByteBuffer values = read(files[1]);
        Numbers answers = new Numbers();
        try (Classifier classifier = new Classifier(model, TfLiteEngine::new, 1)) {
            float[] window = new float[classifier.card.samples * classifier.card.signals.size()];
            while (values.hasRemaining()) {
                for (int i = 0; i < window.length; i++) {
                    window[i] = values.getFloat();
                }
                float[] logits = classifier.logits(window);
                answers.floats(logits);
                answers.floats(classifier.probabilities(logits));
            }
        }
        answers.write(files[2]);
    }

    /** Model, then pairs: samples [n, 7] float64 to decisions [n, 4 + n_labels] float64; prints notices with the pair's number. */
    private static void live(String[] files) throws Exception {
        ModelFile model = model(files[0]);
        try (Classifier classifier = new Classifier(model, TfLiteEngine::new, 1)) {
            for (int i = 1; i < files.length; i += 2) {
                live(classifier, read(files[i]), files[i + 1], i / 2);
            }
        }
    }

    private static void live(Classifier classifier, ByteBuffer values, String target, int number) throws Exception {
        Numbers decisions = new Numbers();
        LiveRecognizer recognizer = new LiveRecognizer(classifier, new LiveRecognizer.Listener() {
            @Override
            public void decided(Decision decision) {
                decisions.doubles(new double[] {
                    decision.seconds, decision.label, decision.warmingUp ? 1 : 0, decision.reason.ordinal()
                });
                decisions.doubles(decision.probabilities);
            }

            @Override
            public void noticed(Notice notice) {
                System.out.println(number + " " + notice.kind + " " + notice.seconds);
            }
        });
        double[] sample = new double[FrontEnd.CHANNELS];
        while (values.hasRemaining()) {
            double seconds = values.getDouble();
            fill(sample, values);
            recognizer.push(seconds, sample.clone());
        }
        recognizer.flush();
        decisions.write(target);
        System.out.println(number + " LEFT_OUT " + recognizer.leftOut());
    }

    private static void worker(String[] files) throws IOException {
        TfLiteEngine.load();
        Worker.Progress progress = (stage, share) -> System.out.println(
                "{\"stage\": \"" + stage + "\", \"share\": " + share + "}");
        new Worker(TfLiteEngine::new, machine(), progress).run(new File(files[0]), new File(files[1]));
    }

    private static Machine machine() {
        Map<String, Object> told = new HashMap<>();
        told.put("os", "Android 14");
        told.put("board", "JVM");
        return new Machine(told);
    }

    private static ModelFile model(String file) throws Exception {
        return new ModelFile(Streams.readAll(new File(file)), file);
    }

    private static void fill(double[] target, ByteBuffer values) {
        for (int i = 0; i < target.length; i++) {
            target[i] = values.getDouble();
        }
    }

    static ByteBuffer read(String file) throws IOException {
        return ByteBuffer.wrap(Streams.readAll(new File(file))).order(ByteOrder.LITTLE_ENDIAN);
    }

    static final class Numbers {
        private final ByteArrayOutputStream content = new ByteArrayOutputStream();

        void doubles(double[] values) {
            if (values != null) {
                ByteBuffer part = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
                part.asDoubleBuffer().put(values);
                content.write(part.array(), 0, part.capacity());
            }
        }

        void floats(float[] values) {
            ByteBuffer part = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            part.asFloatBuffer().put(values);
            content.write(part.array(), 0, part.capacity());
        }

        void write(String file) throws IOException {
            Streams.write(new File(file).getAbsoluteFile(), content.toByteArray());
        }
    }
}
