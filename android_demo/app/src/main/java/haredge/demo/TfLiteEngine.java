package haredge.demo;

import static org.bytedeco.tensorflowlite.global.tensorflowlite.*;

import haredge.core.Engine;
import haredge.core.InputError;
import haredge.core.TensorInfo;
import java.nio.ByteBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.FlatBufferModel;
import org.bytedeco.tensorflowlite.Interpreter;
import org.bytedeco.tensorflowlite.InterpreterBuilder;
import org.bytedeco.tensorflowlite.TfLiteTensor;

/** Runs TFLite, which runs operators by XNNPACK where it can. */
public final class TfLiteEngine implements Engine {
    private final BytePointer content; // the interpreter reads it as long as it lives
    private final FlatBufferModel model;
    private final BuiltinOpResolver resolver = new BuiltinOpResolver();
    private final Interpreter interpreter = new Interpreter((Pointer) null); // until the builder fills it
    private final TensorInfo input;
    private final TensorInfo output;
    private final boolean hasState;

    public TfLiteEngine(byte[] flatbuffer, int threads, String name) throws InputError {
        content = new BytePointer(flatbuffer);
        model = FlatBufferModel.VerifyAndBuildFromBuffer(content, flatbuffer.length);
        if (!built(threads)) {
            close();
            throw new InputError("TFLite does not take " + name + ": convert the model again");
        }
        input = tensorInfo(interpreter.input_tensor(0));
        output = tensorInfo(interpreter.output_tensor(0));
        hasState = interpreter.variables() != null;
    }

    /** Load the library, which otherwise counts as loading of the first model. */
    public static void load() {
        TfLiteVersion();
    }

    private boolean built(int threads) {
        if (model == null) {
            return false;
        }
        try (InterpreterBuilder builder = new InterpreterBuilder(model, resolver)) {
            return builder.SetNumThreads(threads) == kTfLiteOk
                    && builder.apply(interpreter) == kTfLiteOk
                    && interpreter.inputs() != null
                    && interpreter.outputs() != null
                    && interpreter.AllocateTensors() == kTfLiteOk;
        }
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
        return TfLiteVersion().getString();
    }

    @Override
    public void run(ByteBuffer values, ByteBuffer answers) {
        // Asked for anew: an inference may move the interpreter's tensors in memory.
        TfLiteTensor in = interpreter.input_tensor(0);
        if (hasState && interpreter.ResetVariableTensors() != kTfLiteOk
                || TfLiteTensorCopyFromBuffer(in, new Pointer(values.rewind()), values.capacity()) != kTfLiteOk
                || interpreter.Invoke() != kTfLiteOk) {
            throw new IllegalStateException("the inference failed");
        }
        TfLiteTensor out = interpreter.output_tensor(0);
        if (TfLiteTensorCopyToBuffer(out, new Pointer(answers.rewind()), answers.capacity()) != kTfLiteOk) {
            throw new IllegalStateException("the inference failed");
        }
    }

    @Override
    public void close() {
        interpreter.close();
        resolver.close();
        if (model != null) {
            model.close();
        }
        content.close();
    }

    private static TensorInfo tensorInfo(TfLiteTensor tensor) {
        int[] shape = new int[tensor.dims().size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = tensor.dims().data(i);
        }
        int type = tensor.type();
        return new TensorInfo(shape, type == kTfLiteFloat32 ? "float32" : "numbers of type " + type);
    }
}
