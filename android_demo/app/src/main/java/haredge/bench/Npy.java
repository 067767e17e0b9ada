package haredge.bench;

import haredge.core.InputError;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Reads windows in place from NumPy's files (NEP 1), and writes arrays to them. */
final class Npy {
    private static final Pattern SHAPE = Pattern.compile("'shape': \\((\\d+), (\\d+), (\\d+)\\)");
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
