package haredge.page;

import haredge.core.Classifier;
import haredge.core.Engine;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.TensorInfo;
import haredge.live.Decision;
import haredge.live.LiveRecognizer;
import haredge.live.Notice;
import java.nio.ByteBuffer;
import org.teavm.jso.JSByRef;
import org.teavm.jso.JSExport;
import org.teavm.jso.JSFunctor;
import org.teavm.jso.JSObject;

/** Gives the page's JavaScript the recogniser that the app has. */
public final class Main {
    private static ModelFile model;
    private static LiveRecognizer recognizer;

    private Main() {}

    /** Answers a window [samples][signals] with logits. */
    @JSFunctor
    public interface Infer extends JSObject {
        void run(@JSByRef float[] window, @JSByRef float[] logits);
    }

    /** Hears a decision: a place among the answers of the card or -1, and the place of its reason. */
    @JSFunctor
    public interface Decided extends JSObject {
        void decided(
                double seconds, int answer, boolean warmingUp, int reason, @JSByRef double[] probabilities);
    }

    /** Hears a notice: the name of its {@link Notice.Kind}. */
    @JSFunctor
    public interface Noticed extends JSObject {
        void noticed(double seconds, String kind, double amount);
    }

    public static void main(String[] arguments) {}

    /** Take the card of a model; say what is wrong with it, or nothing. */
    @JSExport
    public static String open(String card, String name) {
        try {
            model = new ModelFile(card, name);
            return "";
        } catch (InputError error) {
            return error.getMessage();
        }
    }

    /** Begin a stream; say what is wrong with the card's settings, or nothing. */
    @JSExport
    public static String start(Infer infer, Decided decided, Noticed noticed) {
        try {
            Classifier classifier = new Classifier(model, (flatbuffer, threads, name) -> new PageEngine(infer), 1);
            recognizer = new LiveRecognizer(classifier, new LiveRecognizer.Listener() {
                @Override
                public void decided(Decision x) {
                    decided.decided(x.seconds, x.label, x.warmingUp, x.reason.ordinal(), x.probabilities);
                }

                @Override
                public void noticed(Notice x) {
                    noticed.noticed(x.seconds, x.kind.name(), x.amount);
                }
            });
            return "";
        } catch (InputError error) {
            return error.getMessage();
        }
    }

    /** Take the next sample, as {@link LiveRecognizer#push}. */
    @JSExport
    public static void push(double seconds, double ax, double ay, double az, double gx, double gy, double gz) {
        recognizer.push(seconds, new double[] {ax, ay, az, gx, gy, gz});
    }

    @JSExport
    public static void flush() {
        recognizer.flush();
    }

    @JSExport
    public static int leftOut() {
        return recognizer.leftOut();
    }

    /** Runs the model by a function of the page. */
    private static final class PageEngine implements Engine {
        private final Infer infer;
        private final TensorInfo input =
                new TensorInfo(new int[] {1, model.card.samples, model.card.signals.size()}, "float32");
        private final TensorInfo output = new TensorInfo(new int[] {1, model.card.labels.size()}, "float32");
        private final float[] window = new float[input.size()];
        private final float[] logits = new float[output.size()];

        PageEngine(Infer infer) {
            this.infer = infer;
        }

        @Override
        public TensorInfo input() {
            return input;
        }

        @Override
        public TensorInfo output() {
            return output;
        }

        @Override
        public String runtime() {
            return "c";
        }

        @Override
        public String version() {
            return "";
        }

        @Override
        public void run(ByteBuffer from, ByteBuffer to) {
            from.asFloatBuffer().get(window);
            infer.run(window, logits);
            to.asFloatBuffer().put(logits);
        }

        @Override
        public void close() {}
    }
}
