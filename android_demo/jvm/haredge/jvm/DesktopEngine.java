package haredge.jvm;

import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterAllocateTensors;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterCreate;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterDelete;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterGetInputTensor;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterGetOutputTensor;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterInvoke;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterOptionsCreate;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteInterpreterOptionsSetNumThreads;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteModelCreate;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorCopyFromBuffer;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorCopyToBuffer;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorDim;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorNumDims;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorQuantizationParams;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteTensorType;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.TfLiteVersion;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteFloat32;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteInt8;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteOk;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteUInt8;

import haredge.core.Engine;
import haredge.core.InputError;
import haredge.core.TensorInfo;
import java.nio.ByteBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.TfLiteInterpreter;
import org.bytedeco.tensorflowlite.TfLiteInterpreterOptions;
import org.bytedeco.tensorflowlite.TfLiteModel;
import org.bytedeco.tensorflowlite.TfLiteTensor;

/** Runs TFLite on a desktop, where the app's own library has no build. */
public final class DesktopEngine implements Engine {
    private final BytePointer content; // the interpreter reads it as long as it lives
    private final TfLiteInterpreter interpreter;
    private final TfLiteTensor in;
    private final TfLiteTensor out;
    private final TensorInfo input;
    private final TensorInfo output;

    public DesktopEngine(byte[] flatbuffer, int threads, String name) throws InputError {
        content = new BytePointer(flatbuffer);
        TfLiteModel model = TfLiteModelCreate(content, flatbuffer.length);
        TfLiteInterpreterOptions options = TfLiteInterpreterOptionsCreate();
        TfLiteInterpreterOptionsSetNumThreads(options, threads);
        interpreter = model == null ? null : TfLiteInterpreterCreate(model, options);
        if (interpreter == null || TfLiteInterpreterAllocateTensors(interpreter) != kTfLiteOk) {
            throw new InputError("TFLite does not take " + name + ": convert the model again");
        }
        in = TfLiteInterpreterGetInputTensor(interpreter, 0);
        out = TfLiteInterpreterGetOutputTensor(interpreter, 0);
        input = tensorInfo(in);
        output = tensorInfo(out);
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
        return "tflite-desktop";
    }

    @Override
    public String version() {
        return TfLiteVersion().getString();
    }

    @Override
    public void run(ByteBuffer values, ByteBuffer answers) {
        TfLiteTensorCopyFromBuffer(in, new Pointer(values.rewind()), values.capacity());
        if (TfLiteInterpreterInvoke(interpreter) != kTfLiteOk) {
            throw new IllegalStateException("the inference failed");
        }
        TfLiteTensorCopyToBuffer(out, new Pointer(answers.rewind()), answers.capacity());
    }

    @Override
    public void close() {
        TfLiteInterpreterDelete(interpreter);
    }

    private static TensorInfo tensorInfo(TfLiteTensor tensor) {
        int[] shape = new int[TfLiteTensorNumDims(tensor)];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = TfLiteTensorDim(tensor, i);
        }
        int type = TfLiteTensorType(tensor);
        String dtype = type == kTfLiteFloat32 ? "float32"
                : type == kTfLiteInt8 ? "int8" : type == kTfLiteUInt8 ? "uint8" : "type " + type;
        return new TensorInfo(shape, dtype, TfLiteTensorQuantizationParams(tensor).scale(),
                TfLiteTensorQuantizationParams(tensor).zero_point());
    }
}
