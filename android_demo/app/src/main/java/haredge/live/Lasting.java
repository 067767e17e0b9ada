package haredge.live;

/**
 * What a moment's judgement means once it is known how long things have been so.
 *
 * <p>See {@code edge_runtime/live/persistence.py}, which also has the reasons.
 */
final class Lasting {
    /** What speaks against each activity now: that it cannot begin, or that it is not what goes on. */
    static final class Verdict {
        final boolean[] unusual;
        final boolean[] strangePosture;
        final boolean[] strangeMovement;
        final boolean lifeless; // then it is no activity at all

        private Verdict(int labels, boolean[] strangePosture, boolean lifeless) {
            unusual = new boolean[labels];
            this.strangePosture = strangePosture;
            strangeMovement = new boolean[labels];
            this.lifeless = lifeless;
        }
    }

    private static final double LASTING_S = 5.0; // no change of posture takes so long

    private final int enough; // windows in a row
    private final int[] nFar;
    private int named = -1;
    private int nNamed;
    private int nAtRest;

    Lasting(int labels, double stepS) {
        enough = (int) Math.ceil(LASTING_S / stepS);
        nFar = new int[labels];
    }

    /** The verdict on the next window, of which {@code answer} has the network's probabilities. */
    Verdict take(Familiarity.Judgement judgement, float[] answer) {
        int label = argmax(answer);
        nNamed = label == named ? nNamed + 1 : 1;
        named = label;
        nAtRest = judgement.atRest ? nAtRest + 1 : 0;
        Verdict verdict = new Verdict(nFar.length, judgement.strangePosture, nAtRest >= enough);
        for (int i = 0; i < nFar.length; i++) {
            nFar[i] = judgement.farMovement[i] ? nFar[i] + 1 : 0;
            boolean isLastingly = i == named && nNamed >= enough;
            verdict.unusual[i] = judgement.farMovement[i] || judgement.farPosture[i] && !isLastingly;
            verdict.strangeMovement[i] = judgement.strangeMovement[i] || nFar[i] >= enough;
        }
        return verdict;
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }
}
