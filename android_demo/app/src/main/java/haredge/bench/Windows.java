package haredge.bench;

/** Gives windows in physical units, in order. */
public interface Windows {
    int count();

    /** The window at {@code place}: {@code samples * signals} values, samples one after the other. */
    float[] at(int place);
}
