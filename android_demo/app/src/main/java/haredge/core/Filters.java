package haredge.core;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Holds the filters between sensors and signals, see {@code front_end} in {@code docs/formats.md}. */
public final class Filters {
    /** Second-order sections b0 b1 b2 a0 a1 a2 with a0 = 1, and their states after an endless input of 1. */
    static final class Cascade {
        final double[][] sections;
        final double[][] settled;

        private Cascade(JSONObject record) throws JSONException {
            sections = matrix(record.getJSONArray("sections"), 6);
            settled = matrix(record.getJSONArray("settled"), 2);
            if (settled.length != sections.length) {
                throw new JSONException("its front_end needs a settled state for each section");
            }
        }
    }

    final Cascade noise;
    final Cascade gravity;
    final Cascade drift;

    Filters(JSONObject record) throws JSONException {
        if (record.getDouble("rate_hz") != FrontEnd.RATE_HZ || record.getInt("median") != FrontEnd.MEDIAN) {
            throw new JSONException("its front_end must have 50 Hz and a median of 3, as this app has");
        }
        noise = new Cascade(record.getJSONObject("noise"));
        gravity = new Cascade(record.getJSONObject("gravity"));
        drift = new Cascade(record.getJSONObject("drift"));
        if (drift.sections.length != 1) {
            throw new JSONException("its front_end must have one section of drift, as this app has");
        }
    }

    private static double[][] matrix(JSONArray rows, int width) throws JSONException {
        double[][] matrix = new double[rows.length()][width];
        for (int i = 0; i < matrix.length; i++) {
            if (rows.getJSONArray(i).length() != width) {
                throw new JSONException("its front_end needs " + width + " numbers a section");
            }
            for (int j = 0; j < width; j++) {
                matrix[i][j] = rows.getJSONArray(i).getDouble(j);
            }
        }
        return matrix;
    }
}
