package haredge.demo;

import android.content.Context;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Streams;
import java.io.IOException;
import java.io.InputStream;

/** Reads the model that the app carries with it. */
final class Assets {
    private static final String MODEL = "edge_int8.tflite";

    private Assets() {}

    static ModelFile model(Context context) throws InputError, IOException {
        try (InputStream stream = context.getAssets().open(MODEL)) {
            return new ModelFile(Streams.readAll(stream, Integer.MAX_VALUE), MODEL);
        }
    }
}
