package haredge.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Classifies windows with a model and its card. */
public final class Classifier implements AutoCloseable {
    public final Card card;
    private final Engine engine;
    private final ByteBuffer input;
    private final ByteBuffer output;

    /** Throws {@link InputError} when the runtime does not take the model, or the graph is not what its card says. */
    public Classifier(ModelFile model, Engine.Factory factory, int threads) throws InputError {
        card = model.card;
        engine = factory.open(model.flatbuffer, threads, model.name);
        check(model.name);
        input = buffer(engine.input());
        output = buffer(engine.output());
    }

    /** The network's answers, corrected for its person, for a {@code window} in the units of the card. */
    public float[] logits(float[] window) {
        input.asFloatBuffer().put(window);
        engine.run(input, output);
        float[] logits = new float[engine.output().size()];
        output.asFloatBuffer().get(logits);
        if (card.personalCorrection != null) {
            card.personalCorrection.apply(logits, window, card.signals.size());
        }
        return logits;
    }

    public float[] probabilities(float[] logits) {
        return softmax(logits, (float) card.temperature);
    }

    public Engine engine() {
        return engine;
    }

    @Override
    public void close() {
        engine.close();
    }

    public static ByteBuffer buffer(TensorInfo tensor) {
        return ByteBuffer.allocateDirect(4 * tensor.size()).order(ByteOrder.nativeOrder());
    }

    static float[] softmax(float[] logits, float temperature) {
        float[] shares = new float[logits.length];
        float highest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            shares[i] = logits[i] / temperature;
            highest = Math.max(highest, shares[i]);
        }
        float sum = 0;
        for (int i = 0; i < shares.length; i++) {
            shares[i] = (float) Math.exp(shares[i] - highest);
            sum += shares[i];
        }
        for (int i = 0; i < shares.length; i++) {
            shares[i] /= sum;
        }
        return shares;
    }

    public static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    private void check(String name) throws InputError {
        int[] taken = {1, card.samples, card.signals.size()};
        int[] given = {1, card.labels.size()};
        for (TensorInfo tensor : new TensorInfo[] {engine.input(), engine.output()}) {
            if (!tensor.dtype.equals("float32")) {
                throw closing(name + " takes or gives " + tensor.dtype + ": convert it again, with --io raw");
            }
        }
        if (!Arrays.equals(engine.input().shape, taken) || !Arrays.equals(engine.output().shape, given)) {
            throw closing(name + " does not fit its card: attach the card that belongs to it with 'har-edge card'");
        }
    }

    private InputError closing(String sentence) {
        engine.close();
        return new InputError(sentence);
    }
}
