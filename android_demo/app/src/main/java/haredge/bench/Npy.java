package haredge.bench;

import haredge.core.InputError;
import haredge.core.Streams;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** Reads windows in place from NumPy's files (NEP 1), and writes arrays to them. */
final class Npy {
    private static final Pattern SHAPE = Pattern.compile("'shape': \\((\\d+), (\\d+), (\\d+)\\)");
    private static final Pattern ROWS = Pattern.compile("'shape': \\((\\d+), (\\d+)\\)");
    private static final int PREFIX = 10; // magic, version 1.0, length of the header
    private static final int ALIGNMENT = 64;

    private Npy() {}

    /** The float32 windows in {@code file}, which stays on the disk: it would count as memory of the model. */
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

    /** An {@code .npz} with {@code arrays}: {@code long[]}, or {@code float[][]} with rows of one length. */
    static byte[] npz(Map<String, Object> arrays) throws IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        try (ZipOutputStream archive = new ZipOutputStream(content)) {
            archive.setMethod(ZipOutputStream.STORED);
            for (Map.Entry<String, Object> array : arrays.entrySet()) {
                byte[] file = npy(array.getValue());
                CRC32 crc = new CRC32();
                crc.update(file);
                ZipEntry entry = new ZipEntry(array.getKey() + ".npy");
                entry.setSize(file.length);
                entry.setCrc(crc.getValue());
                archive.putNextEntry(entry);
                archive.write(file);
            }
        }
        return content.toByteArray();
    }

    /** Write windows of {@code samples} rows of {@code signals}, one at a time, for there are many. */
    static void save(TestWindows windows, int samples, int signals, File file) throws IOException {
        try (OutputStream stream = new BufferedOutputStream(new FileOutputStream(file))) {
            stream.write(header("<f4", windows.count() + ", " + samples + ", " + signals));
            ByteBuffer part = ByteBuffer.allocate(4 * samples * signals).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < windows.count(); i++) {
                part.asFloatBuffer().put(windows.at(i));
                stream.write(part.array());
            }
        }
    }

    static Map<String, Object> arrays(byte[] npz) throws IOException {
        Map<String, Object> arrays = new LinkedHashMap<>();
        try (ZipInputStream archive = new ZipInputStream(new ByteArrayInputStream(npz))) {
            for (ZipEntry entry = archive.getNextEntry(); entry != null; entry = archive.getNextEntry()) {
                byte[] file = Streams.readAll(archive, Integer.MAX_VALUE);
                arrays.put(entry.getName().replace(".npy", ""), array(file));
            }
        }
        return arrays;
    }

    private static Object array(byte[] file) throws IOException {
        int length = file[8] & 255 | (file[9] & 255) << 8;
        String header = new String(file, PREFIX, length, StandardCharsets.ISO_8859_1);
        ByteBuffer data = ByteBuffer.wrap(file, PREFIX + length, file.length - PREFIX - length)
                .slice().order(ByteOrder.LITTLE_ENDIAN);
        if (header.contains("'<i8'")) {
            long[] values = new long[data.remaining() / 8];
            data.asLongBuffer().get(values);
            return values;
        }
        Matcher shape = ROWS.matcher(header);
        if (!shape.find()) {
            throw new IOException("an answer holds an array of another kind");
        }
        float[][] rows = new float[Integer.parseInt(shape.group(1))][Integer.parseInt(shape.group(2))];
        FloatBuffer values = data.asFloatBuffer();
        for (float[] row : rows) {
            values.get(row);
        }
        return rows;
    }

    private static byte[] npy(Object array) {
        byte[] header;
        ByteBuffer file;
        if (array instanceof long[]) {
            long[] values = (long[]) array;
            header = header("<i8", values.length + ",");
            file = ByteBuffer.allocate(header.length + 8 * values.length).order(ByteOrder.LITTLE_ENDIAN).put(header);
            file.asLongBuffer().put(values);
        } else {
            float[][] rows = (float[][]) array;
            int width = rows.length == 0 ? 0 : rows[0].length;
            header = header("<f4", rows.length + ", " + width);
            int size = header.length + 4 * rows.length * width;
            file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN).put(header);
            FloatBuffer values = file.asFloatBuffer();
            for (float[] row : rows) {
                values.put(row);
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
