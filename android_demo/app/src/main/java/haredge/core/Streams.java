package haredge.core;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Reads, writes and digests whole streams and files. */
public final class Streams {
    private Streams() {}

    /** All that is left in {@code stream}; throws {@link IOException} when that is more than {@code most} bytes. */
    public static byte[] readAll(InputStream stream, int most) throws IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        byte[] part = new byte[1 << 16];
        for (int n = stream.read(part); n >= 0; n = stream.read(part)) {
            content.write(part, 0, n);
            if (content.size() > most) {
                throw new IOException("more than " + most + " bytes");
            }
        }
        return content.toByteArray();
    }

    public static byte[] readAll(File file) throws IOException {
        try (InputStream stream = new FileInputStream(file)) {
            return readAll(stream, Integer.MAX_VALUE);
        }
    }

    /** Write {@code file} whole or not at all. */
    public static void write(File file, byte[] content) throws IOException {
        File unfinished = new File(file.getParentFile(), "." + file.getName());
        try (FileOutputStream stream = new FileOutputStream(unfinished)) {
            stream.write(content);
            stream.getFD().sync();
        }
        if (!unfinished.renameTo(file)) {
            throw new IOException("cannot write " + file);
        }
    }

    /** The SHA-256 of the first bytes as hexadecimal text. */
    public static String sha256(byte[] content, int length) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(content, 0, length);
            return String.format("%064x", new BigInteger(1, digest.digest()));
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error); // every Java platform has it
        }
    }
}
