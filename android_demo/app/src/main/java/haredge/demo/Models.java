package haredge.demo;

import android.content.Context;
import android.content.SharedPreferences;
import android.database.Cursor;
import android.net.Uri;
import android.provider.OpenableColumns;
import haredge.core.Classifier;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Streams;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Keeps the models that the app has, the last one that was opened from a file, and what is chosen. */
final class Models {
    private static final List<String> SHIPPED = Arrays.asList("edge-anywhere", "edge");
    private static final int LARGEST = 1 << 24; // bytes
    private static final String CHOSEN = "chosen";
    private static final String OPENED = "opened";
    private static final String AT_WAIST = "at_waist";

    private final Context context;
    private final SharedPreferences kept;
    private final File opened;

    Models(Context context) {
        this.context = context;
        kept = context.getSharedPreferences("models", Context.MODE_PRIVATE);
        opened = new File(context.getFilesDir(), "opened.tflite");
    }

    List<String> names() {
        List<String> names = new ArrayList<>(SHIPPED);
        if (kept.contains(OPENED)) {
            names.add(kept.getString(OPENED, ""));
        }
        return names;
    }

    /** The place of the chosen one among the names. */
    int chosen() {
        return Math.min(kept.getInt(CHOSEN, 0), names().size() - 1);
    }

    void choose(int place) {
        kept.edit().putInt(CHOSEN, place).apply();
    }

    boolean atWaist() {
        return kept.getBoolean(AT_WAIST, false);
    }

    void wearAtWaist(boolean atWaist) {
        kept.edit().putBoolean(AT_WAIST, atWaist).apply();
    }

    ModelFile read() throws InputError, IOException {
        String name = names().get(chosen());
        try (InputStream stream = chosen() < SHIPPED.size()
                ? context.getAssets().open(name + "_int8.tflite")
                : new FileInputStream(opened)) {
            return new ModelFile(Streams.readAll(stream, LARGEST), name);
        }
    }

    /** Choose the model in {@code document} and keep it. Throws {@link InputError} when it cannot be used. */
    void open(Uri document) throws InputError {
        String name = "the file";
        try (InputStream stream = context.getContentResolver().openInputStream(document)) {
            name = name(document);
            byte[] content = Streams.readAll(stream, LARGEST);
            ModelFile model = new ModelFile(content, name);
            try (Classifier classifier = new Classifier(model, TfLiteEngine::new, 1)) {
                classifier.run();
                model.card.core();
            }
            Streams.write(opened, content);
        } catch (IOException | RuntimeException | OutOfMemoryError | StackOverflowError error) {
            throw new InputError(name + " cannot be opened: " + error.getMessage(), error);
        }
        kept.edit().putString(OPENED, name).putInt(CHOSEN, SHIPPED.size()).apply();
    }

    private String name(Uri document) {
        String[] columns = {OpenableColumns.DISPLAY_NAME};
        try (Cursor row = context.getContentResolver().query(document, columns, null, null, null)) {
            String name = row != null && row.moveToFirst() ? row.getString(0) : document.getLastPathSegment();
            return name == null ? opened.getName() : name;
        }
    }
}
