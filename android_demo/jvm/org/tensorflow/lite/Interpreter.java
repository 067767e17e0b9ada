package org.tensorflow.lite;

import haredge.core.Engine;
import haredge.core.InputError;
import haredge.core.TensorInfo;
import haredge.jvm.DesktopEngine;
import java.nio.ByteBuffer;

/** Replaces the class whose library is for phones by TFLite's build for desktops, with the same calls. */
public final class Interpreter {
    private final Engine engine;

    /** Its options. */
    public static class Options {
        private int threads = 1;

        public Options setNumThreads(int n) {
            threads = n;
            return this;
        }
    }

    public Interpreter(ByteBuffer content, Options options) {
        byte[] flatbuffer = new byte[content.capacity()];
        ByteBuffer view = content.duplicate();
        view.rewind();
        view.get(flatbuffer);
        try {
            engine = new DesktopEngine(flatbuffer, options.threads, "model");
        } catch (InputError error) {
            throw new IllegalArgumentException(error);
        }
    }

    public void allocateTensors() {}

    public Tensor getInputTensor(int index) {
        return new Described(engine.input());
    }

    public Tensor getOutputTensor(int index) {
        return new Described(engine.output());
    }

    public void run(Object input, Object output) {
        if (((ByteBuffer) input).position() != 0 || ((ByteBuffer) output).position() != 0) {
            throw new IllegalArgumentException("buffers are taken from their positions on");
        }
        engine.run((ByteBuffer) input, (ByteBuffer) output);
    }

    public void close() {
        engine.close();
    }

    private static final class Described implements Tensor {
        private final TensorInfo info;

        Described(TensorInfo info) {
            this.info = info;
        }

        @Override
        public DataType dataType() {
            return info.isFloat() ? DataType.FLOAT32 : DataType.INT8;
        }

        @Override
        public int numDimensions() {
            return info.shape.length;
        }

        @Override
        public int numBytes() {
            return info.size() * info.width();
        }

        @Override
        public int numElements() {
            return info.size();
        }

        @Override
        public int[] shape() {
            return info.shape;
        }

        @Override
        public int[] shapeSignature() {
            return info.shape;
        }

        @Override
        public int index() {
            return 0;
        }

        @Override
        public String name() {
            return "";
        }

        @Override
        public QuantizationParams quantizationParams() {
            return new QuantizationParams(info.scale, info.zeroPoint);
        }

        @Override
        public ByteBuffer asReadOnlyBuffer() {
            throw new UnsupportedOperationException();
        }
    }
}
