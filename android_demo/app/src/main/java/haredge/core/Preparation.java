package haredge.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Makes the input tensor of a window: normalises, clips, compands and, for an integer input, quantises.
 *
 * <p>Quantising is the product with the float32 inverse of the scale, ties to even, as LiteRT does it and {@code
 * edge_runtime/model/classifier.py}.
 */
public final class Preparation {
    private final Normalisation normalisation;
    private final TensorInfo tensor;
    private final int signals;
    private final float inverse;

    public Preparation(Card card, TensorInfo tensor) {
        this.normalisation = card.normalisation;
        this.tensor = tensor;
        this.signals = card.signals.size();
        this.inverse = tensor.isFloat() ? 1 : 1 / tensor.scale;
    }

    /** A buffer for {@link #prepare}. */
    public ByteBuffer buffer() {
        return directBuffer(tensor);
    }

    /** Put {@code window}, samples one after the other, into {@code target}. */
    public void prepare(float[] window, ByteBuffer target) {
        if (tensor.isFloat()) {
            for (int i = 0, signal = 0; i < window.length; i++, signal = signal + 1 == signals ? 0 : signal + 1) {
                target.putFloat(4 * i, normalisation.apply(window[i], signal));
            }
        } else {
            int lowest = tensor.lowest();
            int highest = tensor.highest();
            for (int i = 0, signal = 0; i < window.length; i++, signal = signal + 1 == signals ? 0 : signal + 1) {
                float steps = (float) Math.rint(normalisation.apply(window[i], signal) * inverse) + tensor.zeroPoint;
                target.put(i, (byte) (int) Math.min(Math.max(steps, lowest), highest));
            }
        }
    }

    /** A buffer of the size of {@code tensor}, as engines take them. */
    public static ByteBuffer directBuffer(TensorInfo tensor) {
        return ByteBuffer.allocateDirect(tensor.size() * tensor.width()).order(ByteOrder.nativeOrder());
    }
}
