package haredge.core;

import java.nio.ByteBuffer;

/** Runs one model in a TFLite interpreter. Not to be used by two threads at a time. */
public interface Engine extends AutoCloseable {
    TensorInfo input();

    TensorInfo output();

    /** The runtime's name and version, as a benchmark reports them. */
    String runtime();

    String version();

    /**
     * One inference. Both buffers are direct, in native byte order and of exactly their tensor's size; they are used
     * from the start, wherever their positions are.
     */
    void run(ByteBuffer input, ByteBuffer output);

    @Override
    void close();

    /** Opens models. */
    interface Factory {
        /** Throws {@link InputError} when the runtime does not take {@code flatbuffer}. */
        Engine open(byte[] flatbuffer, int threads, String name) throws InputError;
    }
}
