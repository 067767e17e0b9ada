package android.os;

/** A fake. */
public final class Looper {}
