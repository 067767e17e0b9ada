package android.os;

/** A fake. */
public class Binder {}
