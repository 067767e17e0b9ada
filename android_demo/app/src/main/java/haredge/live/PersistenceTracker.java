package haredge.live;

/** Tracks how long motion has been novel, see {@code edge_runtime/live/persistence.py}, which also has the reasons. */
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
    private static final double STEADY_S = 15.0;
    private static final double REST_S = 120.0;
    private static final double STEADY = 1.5; // times the least rotation
    private static final double ATYPICAL = 0.9; // of the limit of unusual movement
    private static final double UNLIKE_S = 2.5; // of movement unlike all activities, after which none begins
    private static final double LONGEST_UNLIKE_S = 10.0;

    private final int labels;
    private final double stepS;
    private final int enough; // windows in a row
    private double unlikeS; // evidence of an activity that is none of them
    private int label = -1;
    private int sameLabel;
    private int atRest;
    private int steady; // windows in a row whose rotation is the same
    private double least;
    private double greatest;

    PersistenceTracker(int labels, double stepS) {
        this.labels = labels;
        this.stepS = stepS;
        enough = (int) Math.ceil(PERSISTENCE_S / stepS);
    }

    Rejection update(NoveltyDetector.Novelty novelty, int named) {
        sameLabel = named == label ? sameLabel + 1 : 1;
        label = named;
        double evidence = (Math.min(novelty.unlikeAll, 1.0) - ATYPICAL) / (1 - ATYPICAL);
        unlikeS = Math.min(Math.max(unlikeS + stepS * evidence, 0.0), LONGEST_UNLIKE_S);
        Rejection rejection = new Rejection(labels, novelty.novelPosture, rests(novelty));
        for (int i = 0; i < labels; i++) {
            boolean isAccepted = i == label && sameLabel >= enough;
            boolean isUnusual = novelty.unusualMovement[i] || novelty.unusualPosture[i] && !isAccepted;
            rejection.cannotBegin[i] = isUnusual || unlikeS > UNLIKE_S;
            rejection.movement[i] = novelty.novelMovement[i] || unlikeS >= PERSISTENCE_S;
        }
        return rejection;
    }

    private boolean rests(NoveltyDetector.Novelty novelty) {
        double enoughSteady = Math.ceil(STEADY_S / stepS);
        atRest = novelty.atRest ? atRest + 1 : 0;
        if (steady < enoughSteady || !novelty.atRest) {
            least = Math.min(least, novelty.rotation);
            greatest = Math.max(greatest, novelty.rotation);
            if (!novelty.atRest || steady == 0 || greatest > STEADY * least) {
                steady = 0;
                least = novelty.rotation;
                greatest = novelty.rotation;
            }
            steady += novelty.atRest ? 1 : 0;
        }
        return steady >= enoughSteady || atRest * stepS >= REST_S;
    }
}
