package haredge.live;

import haredge.core.InputError;
import haredge.core.Units;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Plays a recording as if sensors gave it, at its own pace; columns are named with their units. */
public final class CsvReplay implements SampleSource {
    private static final Pattern CELL = Pattern.compile("\\s*([^\\[\\]]*?)\\s*(?:\\[\\s*(.*?)\\s*\\])?\\s*");
    private static final String[] COLUMNS = {"timestamp", "ax", "ay", "az", "gx", "gy", "gz"};
    private static final Map<String, Double> TIMES = new HashMap<>(); // in ns

    static {
        TIMES.put("s", 1e9);
        TIMES.put("ms", 1e6);
        TIMES.put("us", 1e3);
        TIMES.put("ns", 1.0);
    }

    private final File file;
    private volatile boolean stopped;
    private Thread player;

    public CsvReplay(File file) {
        this.file = file;
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

    /** Read and say a row after the other, however many there are; what is no recording ends with a sentence. */
    private void play(Listener listener) {
        String reason = null;
        try (BufferedReader reader = new BufferedReader(
                new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8))) {
            play(reader, listener);
        } catch (InputError error) {
            reason = error.getMessage();
        } catch (IOException error) {
            reason = "cannot read " + file + ": " + error.getMessage();
        } catch (InterruptedException error) {
            return; // stopped
        }
        if (!stopped) {
            listener.ended(reason);
        }
    }

    private void play(BufferedReader reader, Listener listener) throws IOException, InputError, InterruptedException {
        int[] places = new int[COLUMNS.length];
        double[] factors = new double[COLUMNS.length];
        readHeader(file.getName(), reader.readLine(), places, factors);
        long ahead = 0; // of the recording's clock before this machine's
        boolean any = false;
        int number = 1;
        for (String line = reader.readLine(); line != null && !stopped; line = reader.readLine()) {
            number++;
            if (line.trim().isEmpty()) {
                continue;
            }
            try {
                // Texts, which alone may be quoted and hold commas, come after the numbers in what this app records.
                String[] cells = line.split(",", -1);
                long nanos = nanos(cells[places[0]].trim(), factors[0]);
                double[] s = new double[COLUMNS.length - 1];
                for (int i = 0; i < s.length; i++) {
                    s[i] = Double.parseDouble(cells[places[i + 1]]) * factors[i + 1];
                }
                ahead = any ? ahead : nanos - System.nanoTime();
                any = true;
                TimeUnit.NANOSECONDS.sleep(nanos - ahead - System.nanoTime());
                listener.rotation(nanos, s[3], s[4], s[5]);
                listener.acceleration(nanos, s[0], s[1], s[2]);
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException error) {
                throw new InputError(
                        file.getName() + ", line " + number + " has no whole sample; leave such rows out", error);
            }
        }
        if (!any && !stopped) {
            throw new InputError(file.getName() + " has no samples; a recording is expected there");
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
            Map<String, Double> units = column == 0 ? TIMES : column < 4 ? Units.ACCELERATIONS : Units.ROTATIONS;
            for (int i = 0; i < cells.length; i++) {
                Matcher cell = CELL.matcher(cells[i]);
                if (cell.matches() && cell.group(1).equals(COLUMNS[column]) && units.containsKey(cell.group(2))) {
                    places[column] = i;
                    double scale = units == Units.ACCELERATIONS ? Units.STANDARD_GRAVITY : 1; // sources speak m/s²
                    factors[column] = scale * units.get(cell.group(2));
                }
            }
            if (places[column] < 0) {
                throw new InputError(name + " has no column '" + COLUMNS[column] + "' with its unit; its first line is "
                        + "to be " + CsvRecorder.HEADER.trim());
            }
        }
    }
}
