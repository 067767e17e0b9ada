package haredge.bench;

import haredge.core.InputError;
import haredge.core.Streams;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads the answer of one fresh process: plain facts, and arrays by name. */
final class Answer {
    final JSONObject facts;
    final Map<String, Object> arrays;

    /** Read the answer to the job {@code name}. Throws {@link InputError} with the sentence of a worker that failed. */
    Answer(File folder, String name) throws IOException, InputError, JSONException {
        byte[] text = Streams.readAll(new File(folder, name + ".json"));
        JSONObject content = new JSONObject(new String(text, StandardCharsets.UTF_8));
        if (content.has("error")) {
            throw new InputError(content.getString("error"));
        }
        facts = content.getJSONObject("facts");
        arrays = Npy.arrays(Streams.readAll(new File(folder, name + ".npz")));
    }
}
