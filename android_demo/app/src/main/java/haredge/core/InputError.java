package haredge.core;

/** Bad input, in one sentence for people: what, where, and what to do. */
public final class InputError extends Exception {
    private static final long serialVersionUID = 1;

    public InputError(String sentence) {
        super(sentence);
    }

    public InputError(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
