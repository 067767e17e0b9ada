package haredge.live;

import haredge.core.InputError;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A recording that is played as if sensors gave it, at its own pace.
 *
 * <p>Columns are named with their units, in any order, as {@code edge_runtime/csv_recordings.py} has it.
 */
public final class CsvReplay implements SampleSource {
    private static final Pattern CELL = Pattern.compile("\\s*([^\\[\\]]*?)\\s*(?:\\[\\s*(.*?)\\s*\\])?\\s*");
    private static final String[] COLUMNS = {"timestamp", "ax", "ay", "az", "gx", "gy", "gz"};
    private static final Map<String, Double> TIMES = new HashMap<>(); // in ns
    private static final Map<String, Double> ACCELERATIONS = new HashMap<>(); // in m/s², which sources speak
    private static final Map<String, Double> ROTATIONS = new HashMap<>(); // in rad/s

    static {
        TIMES.put("s", 1e9);
        TIMES.put("ms", 1e6);
        TIMES.put("us", 1e3);
        TIMES.put("ns", 1.0);
        ACCELERATIONS.put("g", 9.80665);
        ACCELERATIONS.put("m/s^2", 1.0);
        ROTATIONS.put("rad/s", 1.0);
        ROTATIONS.put("deg/s", Math.PI / 180);
    }

    private final List<long[]> times = new ArrayList<>();
    private final List<double[]> samples = new ArrayList<>();
    private final boolean atOnce;
    private volatile boolean stopped;
    private Thread player;

    /** Read the recording; {@code atOnce} does not wait between samples. Throws {@link InputError} when it is none. */
    public CsvReplay(File file, boolean atOnce) throws InputError {
        this.atOnce = atOnce;
        try (BufferedReader reader = new BufferedReader(
                new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8))) {
            read(file.getName(), reader);
        } catch (IOException error) {
            throw new InputError("cannot read " + file + ": " + error.getMessage(), error);
        }
        if (samples.isEmpty()) {
            throw new InputError(file.getName() + " has no samples; a recording is expected there");
        }
    }

    @Override
    public void start(Listener listener) {
        player = new Thread(() -> play(listener), "har-edge replay");
        player.start();
    }

    @Override
    public void stop() {
        stopped = true;
        if (player != null) {
            player.interrupt();
        }
    }

    private void play(Listener listener) {
        long began = System.nanoTime();
        try {
            for (int i = 0; i < samples.size() && !stopped; i++) {
                long nanos = times.get(i)[0];
                long due = began + nanos - times.get(0)[0] - System.nanoTime();
                if (!atOnce && due > 0) {
                    Thread.sleep(due / 1_000_000, (int) (due % 1_000_000));
                }
                double[] s = samples.get(i);
                listener.rotation(nanos, s[3], s[4], s[5]);
                listener.acceleration(nanos, s[0], s[1], s[2]);
            }
        } catch (InterruptedException error) {
            return; // stopped
        }
        if (!stopped) {
            listener.ended(null);
        }
    }

    private void read(String name, BufferedReader reader) throws IOException, InputError {
        int[] places = new int[COLUMNS.length];
        double[] factors = new double[COLUMNS.length];
        readHeader(name, reader.readLine(), places, factors);
        int number = 1;
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            number++;
            if (line.trim().isEmpty()) {
                continue;
            }
            try {
                // Texts, which alone may be quoted and hold commas, come after the numbers in what this app records.
                String[] cells = line.split(",", -1);
                double[] sample = new double[COLUMNS.length - 1];
                for (int i = 0; i < sample.length; i++) {
                    sample[i] = Double.parseDouble(cells[places[i + 1]]) * factors[i + 1];
                }
                samples.add(sample);
                times.add(new long[] {nanos(cells[places[0]].trim(), factors[0])});
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException error) {
                throw new InputError(name + ", line " + number + " has no whole sample; leave such rows out", error);
            }
        }
    }

    /** Whole nanoseconds, which float64 does not hold since 1970, are read as they are. */
    private static long nanos(String cell, double factor) {
        return factor == 1 && cell.matches("-?\\d+") ? Long.parseLong(cell) : Math.round(Double.parseDouble(cell) * factor);
    }

    private static void readHeader(String name, String line, int[] places, double[] factors) throws InputError {
        String[] cells = line == null ? new String[0] : line.replace("\ufeff", "").split(",", -1);
        for (int column = 0; column < COLUMNS.length; column++) {
            places[column] = -1;
            Map<String, Double> units = column == 0 ? TIMES : column < 4 ? ACCELERATIONS : ROTATIONS;
            for (int i = 0; i < cells.length; i++) {
                Matcher cell = CELL.matcher(cells[i]);
                if (cell.matches() && cell.group(1).equals(COLUMNS[column]) && units.containsKey(cell.group(2))) {
                    places[column] = i;
                    factors[column] = units.get(cell.group(2));
                }
            }
            if (places[column] < 0) {
                throw new InputError(name + " has no column '" + COLUMNS[column] + "' with its unit; its first line is "
                        + "to be " + CsvRecorder.HEADER.trim());
            }
        }
    }
}
