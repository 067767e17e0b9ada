package android.content;

/** A fake. */
public class ContextWrapper extends Context {}
