package org.tensorflow.lite;

import org.bytedeco.tensorflowlite.global.tensorflowlite;

/** Replaces the class that loads the library for phones. */
public final class TensorFlowLite {
    private TensorFlowLite() {}

    public static String runtimeVersion() {
        return tensorflowlite.TfLiteVersion().getString();
    }
}
