package haredge.bench;

import haredge.core.InputError;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Describes one task for one fresh process, as {@code edge_runtime/bench/measurement_job.py} writes it.
 *
 * <p>Files are relative to its folder.
 */
public final class Job {
    public final String name;
    public final String model;
    public final String title;
    public final int threads;
    public final String windows;
    public final int runs;
    public final double seconds;
    public final double periodS;
    public final boolean score;

    private static final int FORMAT = 1;

    /** {@code seconds} is 0 where {@code runs} counts. Throws {@link InputError} when {@code text} is no such job. */
    public static Job parse(String text) throws InputError {
        try {
            JSONObject content = new JSONObject(text);
            if (content.getInt("format") != FORMAT) {
                throw new InputError("the job was written by another version of har-edge: install the app again");
            }
            if (!content.getString("task").equals("measure")) {
                throw new InputError("the app measures, and does not '" + content.getString("task") + "'");
            }
            return new Job(content);
        } catch (JSONException error) {
            throw new InputError("the job is not complete: " + error.getMessage(), error);
        }
    }

    private Job(JSONObject content) throws JSONException {
        name = content.getString("name");
        model = content.getString("model");
        title = content.getString("title");
        threads = content.getInt("threads");
        windows = content.getString("windows");
        runs = content.getInt("runs");
        seconds = content.isNull("seconds") ? 0 : content.getDouble("seconds");
        periodS = content.getDouble("period_s");
        score = content.getBoolean("score");
    }
}
