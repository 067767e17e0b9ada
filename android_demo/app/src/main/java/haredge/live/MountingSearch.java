package haredge.live;

import haredge.core.Card;
import haredge.core.FrontEnd;
import haredge.core.Mounting;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Follows how the phone is worn in one stream, see {@code edge_runtime/live/mounting_search.py}, which also has the
 * reasons. A window comes every hop of the card.
 */
final class MountingSearch {
    /** What a window tells of the mounting. */
    enum News {
        NONE,
        FOUND,
        LOST
    }

    /** The probability of walking, in a window's own frame, from which on it is walking that a frame is made of. */
    static final float SURE = 0.8f;

    /** A gap in which nobody takes a phone off and puts it elsewhere. */
    static final double LONGEST_GAP_S = 5;

    private static final double WALK_S = 5;
    private static final double REVERSED_S = 20;
    private static final int WALK_WINDOWS = 24;
    private static final double ELSEWHERE = Math.cos(Math.toRadians(45)); // of upright

    private final int size;
    private final int hop;
    private final int[] triads;
    private final Deque<double[][]> walk = new ArrayDeque<>();
    private int walking; // windows in a row
    private volatile double[][] rotation;

    MountingSearch(Card card) {
        size = card.samples;
        hop = card.hop;
        triads = card.triads();
    }

    /** The rotation into the walking frame, null while that is not known; may be asked on any thread. */
    double[][] rotation() {
        return rotation;
    }

    /** Take it that the phone may be worn otherwise from now on; tell whether that is news. */
    boolean forget() {
        boolean known = rotation != null;
        rotation = null;
        stop();
        return known;
    }

    /** A window in its own frame, in which walking is recognised. */
    double[][] own(double[][] window) {
        return Mounting.turned(window, Mounting.ownFrame(window), triads);
    }

    /** A window in the walking frame or, where that is not known, in its own. */
    double[][] turn(double[][] window) {
        return rotation != null ? Mounting.turned(window, rotation, triads) : own(window);
    }

    /** Take the next window, of walking or not. */
    News update(double[][] window, boolean isWalking) {
        if (!isWalking) {
            stop();
            return News.NONE;
        }
        walking++;
        News news = News.NONE;
        if (rotation != null && Mounting.dot(Mounting.ownFrame(window)[0], rotation[0]) < ELSEWHERE) {
            forget();
            walking = 1;
            news = News.LOST;
        }
        walk.add(window);
        if (walk.size() > WALK_WINDOWS) {
            walk.remove();
        }
        int walked = size + (walking - 1) * Math.min(hop, size);
        if (walked >= WALK_S * FrontEnd.RATE_HZ) {
            double[][] found = Mounting.walkingFrame(walk);
            if (rotation == null) {
                rotation = found;
                news = News.FOUND;
            } else if (Mounting.dot(found[1], rotation[1]) > 0 || walked >= REVERSED_S * FrontEnd.RATE_HZ) {
                rotation = found;
            }
        }
        return news;
    }

    /** End the walk, if there is one. */
    private void stop() {
        walk.clear();
        walking = 0;
    }
}
