package dev.adapterferry.deploy;

import java.util.ArrayList;
import java.util.List;

/**
 * What is installed of a model.
 *
 * @param number release
 * @param folder the model's folder that holds its files, an absolute path
 * @param trail  releases to go back to, the nearest last: what was active before, without those that were taken back
 */
public record ActiveRelease(int number, String folder, List<Integer> trail) {
    /** Copies the trail. */
    public ActiveRelease {
        trail = List.copyOf(trail);
    }

    /** What is active after another release took its place: newer ones leave a trail, going back shortens it. */
    ActiveRelease then(int next, String nextFolder) {
        if (next == number) {
            return new ActiveRelease(number, nextFolder, trail);
        }
        List<Integer> steps = new ArrayList<>(trail);
        int back = steps.indexOf(next);
        if (back >= 0) {
            steps.subList(back, steps.size()).clear();
        } else if (next > number) {
            steps.add(number);
        }
        return new ActiveRelease(next, nextFolder, steps);
    }
}
