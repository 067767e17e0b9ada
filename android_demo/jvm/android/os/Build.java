package android.os;

/** A fake. */
public class Build {
    /** A fake. */
    public static class VERSION {
        public static int SDK_INT = Integer.getInteger("sdk", 34);
    }

    /** Those that are named. */
    public static class VERSION_CODES {
        public static final int O = 26;
        public static final int UPSIDE_DOWN_CAKE = 34;
    }
}
