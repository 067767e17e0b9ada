package haredge.bench;

import haredge.core.InputError;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Reads windows in place from NumPy's files (NEP 1), and writes arrays to them. */
final class Npy {
    /** Gives windows in physical units, in order, from a file that stays on the disk. */
    static final class Windows {
        final int count;
        private final FloatBuffer values;
        private final int size;

        Windows(FloatBuffer values, int count, int size) {
            this.values = values;
            this.count = count;
            this.size = size;
        }

        /** The window at {@code place}: {@code samples * signals} values, samples one after the other. */
        float[] at(int place) {
            float[] window = new float[size];
            FloatBuffer view = values.duplicate();
            view.position(place * size);
            view.get(window);
            return window;
        }
    }

    private static final Pattern SHAPE = Pattern.compile("'shape': \\((\\d+), (\\d+), (\\d+)\\)");
    private static final int PREFIX = 10; // magic, version 1.0, length of the header
    private static final int ALIGNMENT = 64;

    private Npy() {}

    /** The float32 windows in {@code file}, which stays on the disk. */
    static Windows map(File file) throws IOException, InputError {
        try (RandomAccessFile opened = new RandomAccessFile(file, "r")) {
            byte[] prefix = new byte[PREFIX];
            opened.readFully(prefix);
            byte[] text = new byte[prefix[8] & 255 | (prefix[9] & 255) << 8];
            opened.readFully(text);
            String header = new String(text, StandardCharsets.ISO_8859_1);
            Matcher shape = SHAPE.matcher(header);
            if (!header.contains("'<f4'") || !header.contains("'fortran_order': False") || !shape.find()) {
                throw new InputError(file.getName() + " holds no float32 windows");
            }
            int count = Integer.parseInt(shape.group(1));
            int size = Integer.parseInt(shape.group(2)) * Integer.parseInt(shape.group(3));
            FloatBuffer values = opened.getChannel()
                    .map(FileChannel.MapMode.READ_ONLY, PREFIX + text.length, 4L * count * size)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer();
            return new Windows(values, count, size);
        }
    }

    /** An {@code .npz} with {@code arrays}, rows of one length: {@code long[][]} or {@code float[][]}. */
    static byte[] npz(Map<String, Object[]> arrays) throws IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        try (ZipOutputStream archive = new ZipOutputStream(content)) {
            for (Map.Entry<String, Object[]> array : arrays.entrySet()) {
                archive.putNextEntry(new ZipEntry(array.getKey() + ".npy"));
                archive.write(npy(array.getValue()));
            }
        }
        return content.toByteArray();
    }

    private static byte[] npy(Object[] rows) {
        boolean areLongs = rows instanceof long[][];
        int width = Array.getLength(rows[0]);
        byte[] header = header(areLongs ? "<i8" : "<f4", rows.length + ", " + width);
        int size = header.length + (areLongs ? Long.BYTES : Float.BYTES) * rows.length * width;
        ByteBuffer file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN).put(header);
        for (Object row : rows) {
            for (int i = 0; i < width; i++) {
                if (areLongs) {
                    file.putLong(((long[]) row)[i]);
                } else {
                    file.putFloat(((float[]) row)[i]);
                }
            }
        }
        return file.array();
    }

    private static byte[] header(String dtype, String shape) {
        String facts = "{'descr': '" + dtype + "', 'fortran_order': False, 'shape': (" + shape + "), }";
        int length = (PREFIX + facts.length() + ALIGNMENT) / ALIGNMENT * ALIGNMENT - PREFIX;
        String prefix = "\u0093NUMPY\1\0" + (char) (length & 255) + (char) (length >> 8);
        String header = prefix + String.format("%-" + (length - 1) + "s\n", facts);
        return header.getBytes(StandardCharsets.ISO_8859_1);
    }
}
