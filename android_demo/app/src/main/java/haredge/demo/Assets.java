package haredge.demo;

import android.content.Context;
import haredge.bench.TestWindows;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Streams;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** Reads the files that the app carries with it, written by {@code android_demo/tools/assets.py}. */
final class Assets {
    static final String INT8 = "edge_int8.tflite";
    static final String FLOAT32 = "edge_float32.tflite";

    private Assets() {}

    static ModelFile model(Context context, String name) throws InputError, IOException {
        return new ModelFile(read(context, name), name);
    }

    static TestWindows testWindows(Context context) throws InputError, IOException {
        String table = new String(read(context, "windows.txt"), StandardCharsets.US_ASCII);
        return new TestWindows(read(context, "recordings.bin"), table, model(context, INT8).card.filters());
    }

    static byte[] read(Context context, String name) throws IOException {
        try (InputStream stream = context.getAssets().open(name)) {
            return Streams.readAll(stream, Integer.MAX_VALUE);
        }
    }
}
