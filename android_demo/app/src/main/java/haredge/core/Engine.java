package haredge.core;

import java.nio.ByteBuffer;

/** Runs one model in a TFLite interpreter. Not to be used by two threads at a time. */
public interface Engine extends AutoCloseable {
    TensorInfo input();

    TensorInfo output();

    String runtime();

    String version();

    /** One inference. Both buffers are direct, in native byte order and of exactly their tensor's size. */
    void run(ByteBuffer input, ByteBuffer output);

    @Override
    void close();

    interface Factory {
        Engine open(byte[] flatbuffer, int threads, String name) throws InputError;
    }
}
