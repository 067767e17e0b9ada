package haredge.core;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Reads a {@code .tflite} file and its card, see {@code edge_runtime/model/model_card.py}. */
public final class ModelFile {
    public final String name;
    public final byte[] flatbuffer;
    public final Card card;

    private static final int DIGEST = 64; // a SHA-256 as hexadecimal text
    private static final int END = 22; // a zip's end record without its comment (APPNOTE.TXT 4.3.16)
    private static final int LARGEST_CARD = 1 << 20;

    /** Throws {@link InputError} when {@code content} is no TFLite model, is damaged or has no card. */
    public ModelFile(byte[] content, String name) throws InputError {
        this.name = name;
        if (content.length < 8 || !ascii(content, 4, 8).equals("TFL3")) {
            throw new InputError(name + " is not a TFLite model; give a .tflite file that har-edge convert wrote");
        }
        int end = content.length - DIGEST - END;
        if (end < 0 || little(content, end, 4) != 0x06054b50L || little(content, end + 20, 2) != DIGEST) {
            throw new InputError(name + " has no model card, or was cut short: attach one with 'har-edge card'");
        }
        String digest = ascii(content, content.length - DIGEST, content.length);
        if (!digest.equals(Streams.sha256(content, content.length - DIGEST))) {
            throw new InputError(name + " is damaged: its bytes are not those it was written with; copy it again");
        }
        long directory = Math.min(little(content, end + 16, 4), end);
        int start = (int) Math.min(little(content, (int) directory + 42, 4), directory); // of the card
        flatbuffer = Arrays.copyOf(content, start);
        card = Card.parse(readCard(content, start), "the card inside " + name);
    }

    private String readCard(byte[] content, int start) throws InputError {
        try (ZipInputStream archive =
                new ZipInputStream(new ByteArrayInputStream(content, start, content.length - start))) {
            ZipEntry entry = archive.getNextEntry();
            if (entry != null && entry.getName().equals("card.json")) {
                return new String(Streams.readAll(archive, LARGEST_CARD), StandardCharsets.UTF_8);
            }
        } catch (IOException error) {
            throw new InputError(name + " has no readable card; convert the model again", error);
        }
        throw new InputError(name + " has no card.json; convert the model again");
    }

    private static String ascii(byte[] content, int from, int to) {
        return new String(content, from, to - from, StandardCharsets.US_ASCII);
    }

    private static long little(byte[] content, int at, int width) {
        long value = 0;
        for (int i = width - 1; i >= 0; i--) {
            value = value << 8 | content[at + i] & 255;
        }
        return value;
    }
}
