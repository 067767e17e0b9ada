package haredge.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Calls the recogniser in C, {@code edge_runtime/c}, by {@code har_jni.c}. Its buffers are from {@link #buffer}. */
public final class HarCore {
    static {
        System.loadLibrary("har");
    }

    private final ByteBuffer whole; // C reads and writes the three as long as this lives
    private final ByteBuffer real;
    private final ByteBuffer memory;
    private final long address; // of the stream

    /** Begin a stream of the model with the numbers of {@code har_read_model} in {@code har_table.h}. */
    public HarCore(int[] whole, double[] real, int[] lengths) {
        this.whole = buffer(Integer.BYTES * whole.length);
        this.whole.asIntBuffer().put(whole);
        this.real = buffer(Double.BYTES * real.length);
        this.real.asDoubleBuffer().put(real);
        memory = buffer(Math.toIntExact(bytes(this.whole, this.real, lengths)));
        address = start(memory, this.whole, this.real, lengths);
    }

    public static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    public native void wear(boolean atWaist);

    /** Take a sample in g and rad/s. */
    public native void push(long us, double[] sample);

    public native void flush();

    /** What is next, a {@code har_event}: fills {@code window} if it is one to infer from, and always {@code event}. */
    public native int next(ByteBuffer window, ByteBuffer event);

    public native void answer(ByteBuffer logits);

    /** Turn {@code window} into its own walking frame, as each window of a stream is. */
    public native void turn(ByteBuffer window);

    /** The constants by which {@link CardNumbers} reads a card. */
    public static native double[] constants();

    private static native long bytes(ByteBuffer whole, ByteBuffer real, int[] lengths);

    private static native long start(ByteBuffer memory, ByteBuffer whole, ByteBuffer real, int[] lengths);
}
