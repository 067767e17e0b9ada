package haredge.live;

/** Tracks how long motion has been novel, see {@code edge_runtime/model/novelty.py}, which also has the reasons. */
final class PersistenceTracker {
    /** For each activity, whether it cannot begin now, and whether posture or movement rule it out. */
    static final class Rejection {
        final boolean[] cannotBegin;
        final boolean[] posture;
        final boolean[] movement;
        final boolean notWorn; // then it is no activity at all

        private Rejection(int labels, boolean[] posture, boolean notWorn) {
            cannotBegin = new boolean[labels];
            this.posture = posture;
            movement = new boolean[labels];
            this.notWorn = notWorn;
        }
    }

    private static final double PERSISTENCE_S = 5.0; // longer than any change of posture

    private final int enough; // windows in a row
    private final int[] unusualMovement; // windows in a row, by activity
    private int label = -1;
    private int sameLabel;
    private int atRest;

    PersistenceTracker(int labels, double stepS) {
        enough = (int) Math.ceil(PERSISTENCE_S / stepS);
        unusualMovement = new int[labels];
    }

    /** Take the novelty of the next window, which the network takes for activity {@code named}. */
    Rejection update(NoveltyDetector.Novelty novelty, int named) {
        sameLabel = named == label ? sameLabel + 1 : 1;
        label = named;
        atRest = novelty.atRest ? atRest + 1 : 0;
        Rejection rejection = new Rejection(unusualMovement.length, novelty.novelPosture, atRest >= enough);
        for (int i = 0; i < unusualMovement.length; i++) {
            unusualMovement[i] = novelty.unusualMovement[i] ? unusualMovement[i] + 1 : 0;
            boolean isAccepted = i == label && sameLabel >= enough;
            rejection.cannotBegin[i] = novelty.unusualMovement[i] || novelty.unusualPosture[i] && !isAccepted;
            rejection.movement[i] = novelty.novelMovement[i] || unusualMovement[i] >= enough;
        }
        return rejection;
    }
}
