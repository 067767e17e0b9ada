package haredge.core;

/** Tells of bad input in one sentence for people: the thing, what is wrong with it, and what to do. */
public final class InputError extends Exception {
    private static final long serialVersionUID = 1;

    public InputError(String sentence) {
        super(sentence);
    }

    public InputError(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
