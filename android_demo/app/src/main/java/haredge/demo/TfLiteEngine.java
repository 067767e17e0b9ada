package haredge.demo;

import haredge.core.Engine;
import haredge.core.InputError;
import haredge.core.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;

/** Runs TFLite of the Android library, which runs operators by XNNPACK where it can. */
final class TfLiteEngine implements Engine {
    private final Interpreter interpreter;
    private final TensorInfo input;
    private final TensorInfo output;

    TfLiteEngine(byte[] flatbuffer, int threads, String name) throws InputError {
        ByteBuffer content = ByteBuffer.allocateDirect(flatbuffer.length).order(ByteOrder.nativeOrder());
        content.put(flatbuffer);
        try {
            interpreter = new Interpreter(content, new Interpreter.Options().setNumThreads(threads));
        } catch (IllegalArgumentException | IllegalStateException error) {
            throw new InputError("TFLite does not take " + name + ": convert the model again", error);
        }
        input = tensorInfo(interpreter.getInputTensor(0));
        output = tensorInfo(interpreter.getOutputTensor(0));
        interpreter.allocateTensors();
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
        return "tflite-android";
    }

    @Override
    public String version() {
        return TensorFlowLite.runtimeVersion();
    }

    @Override
    public void run(ByteBuffer values, ByteBuffer answers) {
        values.rewind();
        answers.rewind();
        interpreter.run(values, answers);
    }

    @Override
    public void close() {
        interpreter.close();
    }

    private static TensorInfo tensorInfo(Tensor tensor) {
        DataType type = tensor.dataType();
        String dtype = type == DataType.FLOAT32 ? "float32"
                : type == DataType.INT8 ? "int8" : type == DataType.UINT8 ? "uint8" : type.toString();
        Tensor.QuantizationParams quantisation = tensor.quantizationParams();
        return new TensorInfo(tensor.shape(), dtype, quantisation.getScale(), quantisation.getZeroPoint());
    }
}
