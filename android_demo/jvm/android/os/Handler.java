package android.os;

/** A fake. */
public class Handler {
    public Handler(Looper looper) {}
}
