package haredge.core;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Classifies windows with a model and its card. */
public final class Classifier implements AutoCloseable {
    public final Card card;
    public final Engine engine;
    public final ByteBuffer input;
    public final ByteBuffer output;

    /** Throws {@link InputError} when the runtime does not take the model, or the graph is not what its card says. */
    public Classifier(ModelFile model, Engine.Factory factory, int threads) throws InputError {
        card = model.card;
        engine = factory.open(model.flatbuffer, threads, model.name);
        check(model.name);
        input = buffer(engine.input());
        output = buffer(engine.output());
    }

    /** The network's answers for a {@code window} in the units of the card. */
    public float[] logits(float[] window) {
        input.asFloatBuffer().put(window);
        run();
        float[] logits = new float[engine.output().size()];
        output.asFloatBuffer().get(logits);
        return logits;
    }

    /** Infer from {@link #input} to {@link #output}. */
    public void run() {
        engine.run(input, output);
    }

    @Override
    public void close() {
        engine.close();
    }

    public static ByteBuffer buffer(TensorInfo tensor) {
        return HarCore.buffer(Float.BYTES * tensor.size());
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
