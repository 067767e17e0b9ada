package haredge.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Counts the operators of a model, which the interpreter does not tell (schema.fbs). */
final class Flatbuffer {
    private static final int SUBGRAPHS = 2;
    private static final int OPERATORS = 3;

    private Flatbuffer() {}

    static int operators(byte[] flatbuffer) {
        ByteBuffer bytes = ByteBuffer.wrap(flatbuffer).order(ByteOrder.LITTLE_ENDIAN);
        int subgraphs = vector(bytes, follow(bytes, 0), SUBGRAPHS);
        return bytes.getInt(vector(bytes, follow(bytes, subgraphs + 4), OPERATORS));
    }

    /** Where the vector in the field {@code field} of the table at {@code table} has its length. */
    private static int vector(ByteBuffer bytes, int table, int field) {
        int fields = table - bytes.getInt(table);
        return follow(bytes, table + bytes.getShort(fields + 4 + 2 * field));
    }

    private static int follow(ByteBuffer bytes, int at) {
        return at + bytes.getInt(at);
    }
}
