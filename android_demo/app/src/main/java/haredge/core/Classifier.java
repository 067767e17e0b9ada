package haredge.core;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Classifies windows with a model and its card. */
public final class Classifier implements AutoCloseable {
    public final Card card;
    private final Engine engine;
    private final Preparation preparation;
    private final ByteBuffer input;
    private final ByteBuffer output;

    /** Throws {@link InputError} when the runtime does not take the model, or the graph is not what its card says. */
    public Classifier(ModelFile model, Engine.Factory factory, int threads) throws InputError {
        card = model.card;
        engine = factory.open(model.flatbuffer, threads, model.name);
        check(model.name);
        preparation = new Preparation(card, engine.input());
        input = preparation.buffer();
        output = Preparation.directBuffer(engine.output());
    }

    /**
     * The network's answers for {@code window}, {@code samples * signals} values in the units of the card.
     *
     * <p>They have the card's posture correction, if it has one.
     */
    public float[] logits(float[] window) {
        preparation.prepare(window, input);
        engine.run(input, output);
        float[] logits = dequantise(output, engine.output());
        if (card.postureCorrection != null) {
            card.postureCorrection.apply(logits, window, card.signals.size());
        }
        return logits;
    }

    /** The softmax of {@code logits} over the card's temperature. */
    public float[] probabilities(float[] logits) {
        return softmax(logits, (float) card.temperature);
    }

    public Engine engine() {
        return engine;
    }

    public Preparation preparation() {
        return preparation;
    }

    @Override
    public void close() {
        engine.close();
    }

    /** The values that {@code buffer} stands for as {@code tensor}. */
    public static float[] dequantise(ByteBuffer buffer, TensorInfo tensor) {
        float[] values = new float[tensor.size()];
        for (int i = 0; i < values.length; i++) {
            if (tensor.isFloat()) {
                values[i] = buffer.getFloat(4 * i);
            } else {
                int stored = tensor.dtype.equals("uint8") ? buffer.get(i) & 255 : buffer.get(i);
                values[i] = (float) (stored - tensor.zeroPoint) * tensor.scale;
            }
        }
        return values;
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

    /** The place of the highest of {@code values}, the first of equals. */
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
            boolean integer = tensor.dtype.equals("int8") || tensor.dtype.equals("uint8");
            if (!tensor.isFloat() && !(integer && tensor.scale > 0)) {
                throw closing(name + " has a tensor of type " + tensor.dtype + " without one scale: convert it again");
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
