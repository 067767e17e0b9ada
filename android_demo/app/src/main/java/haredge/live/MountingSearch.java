package haredge.live;

import haredge.core.Card;
import haredge.core.FrontEnd;
import haredge.core.Mounting;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/** Follows how the phone is worn in one stream, as {@code edge_runtime/live/mounting_search.py}. */
final class MountingSearch {
    enum News {
        NONE,
        FOUND,
        LOST
    }

    /** The probability of walking, in a window's own frame, from which on it is walking that a frame is made of. */
    static final float SURE = 0.8f;

    static final double LONGEST_GAP_S = 5;

    private static final double WALK_S = 5;
    private static final double CONTRADICTED_S = 8;
    private static final double REVERSED_S = 20;
    private static final int WALK_WINDOWS = 24;
    private static final double ELSEWHERE = Math.cos(Math.toRadians(45)); // of upright
    private static final double TURNED_OVER = Math.cos(Math.toRadians(120)); // the same

    private final int size;
    private final int hop;
    private final int[] triads;
    private final boolean hasRotation;
    private final Deque<double[][]> walk = new ArrayDeque<>();
    private int walking; // windows in a row
    private int turnedOver; // the same
    private volatile double[][] rotation;

    MountingSearch(Card card) {
        size = card.samples;
        hop = card.hop;
        triads = card.triads();
        hasRotation = Arrays.stream(triads).anyMatch(x -> x == Mounting.BODY_GYRO);
    }

    /** The rotation into the walking frame, null while that is not known; may be asked on any thread. */
    double[][] rotation() {
        return rotation;
    }

    /** Take it that the phone may be worn otherwise from now on; tell whether that is news. */
    boolean forget() {
        boolean known = rotation != null;
        rotation = null;
        turnedOver = 0;
        stop();
        return known;
    }

    double[][] own(double[][] window) {
        return Mounting.turned(window, Mounting.ownFrame(window), triads);
    }

    double[][] turn(double[][] window) {
        return rotation != null ? Mounting.turned(window, rotation, triads) : own(window);
    }

    /** Take the next window, of walking or not. */
    News update(double[][] window, boolean isWalking) {
        if (!isWalking) {
            stop();
        }
        News news = News.NONE;
        if (rotation != null && isElsewhere(window, isWalking)) {
            forget();
            news = News.LOST;
        }
        if (!isWalking) {
            return news;
        }
        walking++;
        walk.add(window);
        if (walk.size() > WALK_WINDOWS) {
            walk.remove();
        }
        double walked = seconds(walking);
        if (walked >= WALK_S) {
            double[][] found = Mounting.walkingFrame(walk);
            boolean isNew = rotation == null;
            boolean swaysBack = hasRotation && Mounting.isTurnedRound(walk, found);
            double least = swaysBack ? REVERSED_S : WALK_S;
            if (!isNew) {
                boolean pointsBack = Mounting.dot(found[1], rotation[1]) < 0;
                least = !pointsBack ? WALK_S : hasRotation && !swaysBack ? CONTRADICTED_S : REVERSED_S;
            }
            if (walked >= least) {
                rotation = found;
                news = isNew ? News.FOUND : news;
            }
        }
        return news;
    }

    /** Whether someone walks with the phone tilted as nobody does, or moves on with it turned over. */
    private boolean isElsewhere(double[][] window, boolean isWalking) {
        double upright = 1;
        if (Mounting.isMoving(window)) {
            upright = Mounting.dot(Mounting.ownFrame(window)[0], rotation[0]);
        }
        turnedOver = upright < TURNED_OVER ? turnedOver + 1 : 0;
        return isWalking && upright < ELSEWHERE || seconds(turnedOver) >= WALK_S;
    }

    /** The time from the first to the last sample of so many windows in a row. */
    private double seconds(int windows) {
        return windows == 0 ? 0 : (size + (windows - 1) * Math.min(hop, size)) / FrontEnd.RATE_HZ;
    }

    /** End the walk, if there is one. */
    private void stop() {
        walk.clear();
        walking = 0;
    }
}
