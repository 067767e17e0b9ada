package haredge.live;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;

/** Writes a recording as {@code har-edge train --data} reads it; until it is closed it has another name. */
public final class CsvRecorder implements Closeable {
    static final String HEADER = "timestamp[ns],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s],label,subject\n";

    private final File file;
    private final File unfinished;
    public final String subject;
    private final Writer writer;
    private volatile String activity = "";
    private long last = Long.MIN_VALUE;

    public CsvRecorder(File file, String subject) throws IOException {
        this.file = file;
        this.subject = subject;
        unfinished = new File(file.getParentFile(), file.getName() + ".part");
        writer = new BufferedWriter(new OutputStreamWriter(new FileOutputStream(unfinished), StandardCharsets.UTF_8));
        writer.write(HEADER);
    }

    /** What is done from now on; empty for what is to be learned from by nobody. */
    public void label(String activity) {
        this.activity = activity;
    }

    public String label() {
        return activity;
    }

    /** A sample in g and rad/s. One that is not after the one before is left out, as readers refuse it. */
    void write(long nanos, double[] sample) throws IOException {
        if (nanos <= last) {
            return;
        }
        last = nanos;
        StringBuilder line = new StringBuilder().append(nanos);
        for (double value : sample) {
            line.append(',').append((float) value); // as many digits as sensors have
        }
        writer.write(line + "," + quoted(activity) + "," + quoted(subject) + "\n");
    }

    @Override
    public void close() throws IOException {
        writer.close();
        if (!unfinished.renameTo(file)) {
            throw new IOException("cannot write " + file);
        }
    }

    private static String quoted(String text) {
        String line = text.replaceAll("\\p{Cntrl}", " ").trim();
        return line.contains(",") || line.contains("\"") ? '"' + line.replace("\"", "\"\"") + '"' : line;
    }
}
