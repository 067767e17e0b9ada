package android.os;

import haredge.demo.Journal;

/** A fake. */
public final class PowerManager {
    public WakeLock newWakeLock(int level, String tag) {
        return new WakeLock();
    }

    /** A fake. */
    public static final class WakeLock {
        private boolean held;

        public void setReferenceCounted(boolean counted) {}

        public void acquire() {
            held = true;
            Journal.note("awake");
        }

        public void release() {
            held = false;
            Journal.note("may sleep");
        }

        public boolean isHeld() {
            return held;
        }
    }
}
