package haredge.bench;

import haredge.core.Filters;
import haredge.core.FrontEnd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Rebuilds UCI HAR's test windows from the app's recordings, as {@code edge_runtime/data/uci_har.py} does. */
public final class TestWindows {
    public final String fingerprint;

    public final String name;

    private static final int SAMPLES = 128;
    private static final int HOP = 64;
    private static final byte[] MARK = "harcnt01".getBytes(StandardCharsets.US_ASCII);
    private static final float METRES_PER_COUNT = (float) FrontEnd.STANDARD_GRAVITY / 720f;
    private static final float RADIANS_PER_COUNT = (float) (0.0175 * Math.PI / 180);
    private static final int DIGITS = 7; // what the official text files hold
    private static final double[] POWERS = powersOfTen(); // all that float64 holds exactly

    private final List<float[]> windows = new ArrayList<>();
    private final List<Integer> classes = new ArrayList<>();
    private final List<Integer> subjects = new ArrayList<>();
    private final ByteBuffer recordings;
    private final int[] lengths;

    /** Rebuild from the content of {@code recordings.bin} and {@code windows.txt}, with a card's filters. */
    public TestWindows(byte[] content, String table, Filters filters) throws IOException {
        recordings = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        for (byte expected : MARK) {
            if (recordings.get() != expected) {
                throw new IOException("the recordings inside the app are damaged: install it again");
            }
        }
        lengths = new int[recordings.getInt()];
        int samples = recordings.getInt();
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = recordings.getInt();
        }
        int whose = recordings.position();
        int planes = whose + lengths.length + samples; // the labels of single samples are not needed
        String[] lines = table.split("\n");
        int split = lines[0].lastIndexOf(' ');
        name = lines[0].substring(2, split);
        fingerprint = lines[0].substring(split + 1);
        for (int i = 1; i < lines.length; i++) {
            int recording = Integer.parseInt(lines[i].substring(0, lines[i].indexOf(':')));
            double[][] raw = samples(recording, planes, samples);
            cut(signals(raw, filters), lines[i].substring(lines[i].indexOf(':') + 1).trim(), content[whose + recording]);
        }
    }

    public int count() {
        return windows.size();
    }

    public float[] at(int place) {
        return windows.get(place);
    }

    public int classOf(int place) {
        return classes.get(place);
    }

    public int subjectOf(int place) {
        return subjects.get(place);
    }

    private double[][] samples(int recording, int planes, int total) {
        int first = 0;
        for (int i = 0; i < recording; i++) {
            first += lengths[i];
        }
        double[][] samples = new double[lengths[recording]][FrontEnd.CHANNELS];
        for (int channel = 0; channel < FrontEnd.CHANNELS; channel++) {
            int high = planes + channel * total + first;
            int low = high + FrontEnd.CHANNELS * total;
            short count = 0;
            for (int i = 0; i < samples.length; i++) {
                int zigzag = (recordings.get(high + i) & 255) << 8 | recordings.get(low + i) & 255;
                count += (short) (zigzag >> 1 ^ -(zigzag & 1));
                samples[i][channel] = channel < 3
                        ? count * METRES_PER_COUNT / FrontEnd.STANDARD_GRAVITY
                        : count * RADIANS_PER_COUNT;
            }
        }
        return samples;
    }

    private static double[][] signals(double[][] raw, Filters filters) {
        FrontEnd frontEnd = new FrontEnd(filters, false);
        double[][] signals = new double[raw.length][];
        for (int i = 0; i <= raw.length; i++) {
            double[] next = i < raw.length ? frontEnd.push(raw[i]) : frontEnd.flush();
            if (next != null) {
                signals[i - 1] = next;
            }
        }
        return signals;
    }

    private void cut(double[][] signals, String runs, int subject) {
        for (String run : runs.split(" ")) {
            String[] numbers = run.split(",");
            int first = Integer.parseInt(numbers[1]);
            for (int i = 0; i < Integer.parseInt(numbers[2]); i++, first += HOP) {
                float[] window = new float[SAMPLES * FrontEnd.SIGNALS];
                for (int j = 0; j < window.length; j++) {
                    window[j] = asPublished(signals[first + j / FrontEnd.SIGNALS][j % FrontEnd.SIGNALS]);
                }
                windows.add(window);
                classes.add(Integer.parseInt(numbers[0]) - 1);
                subjects.add(subject);
            }
        }
    }

    /** Rounded to the digits of the official text files, then to float32. */
    private static float asPublished(double value) {
        int last = POWERS.length - 1;
        double magnitude = Math.max(Math.abs(value), 1 / POWERS[last - (DIGITS - 1)]);
        int decimals = DIGITS - 1 - (int) Math.floor(Math.log10(magnitude));
        double scale = POWERS[Math.min(Math.max(decimals, 0), last)];
        return (float) (Math.rint(value * scale) / scale);
    }

    private static double[] powersOfTen() {
        double[] powers = new double[23];
        for (int i = 0; i < powers.length; i++) {
            powers[i] = Double.parseDouble("1e" + i);
        }
        return powers;
    }
}
