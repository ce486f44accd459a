package dev.adapterferry.demo;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** Adam (arXiv 1412.6980) on a fixed list of parameters that require gradients. */
final class Adam {
    private static final float FIRST = 0.9f;
    private static final float SECOND = 0.98f;

    private final List<NDArray> parameters;
    private final Map<NDArray, NDArray[]> moments = new IdentityHashMap<>();
    private int step;

    Adam(List<NDArray> parameters) {
        this.parameters = parameters;
        for (NDArray parameter : parameters) {
            moments.put(parameter, new NDArray[] {parameter.zerosLike(), parameter.zerosLike()});
        }
    }

    /** One step down the gradients, which are zeroed afterwards. */
    void descend(NDManager manager, float rate) {
        step++;
        float correctFirst = (float) (1 - Math.pow(FIRST, step));
        float correctSecond = (float) (1 - Math.pow(SECOND, step));
        for (NDArray parameter : parameters) {
            try (NDManager own = manager.newSubManager()) {
                NDArray gradient = parameter.getGradient();
                gradient.attach(own);
                NDArray[] moment = moments.get(parameter);
                moment[0].muli(FIRST).addi(attached(own, gradient.mul(1 - FIRST)));
                moment[1].muli(SECOND).addi(attached(own, attached(own, gradient.mul(gradient)).mul(1 - SECOND)));
                NDArray root = attached(own, attached(own, moment[1].div(correctSecond)).sqrt()).addi(1e-8f);
                parameter.subi(attached(own, attached(own, moment[0].mul(rate / correctFirst)).div(root)));
                gradient.muli(0);
            }
        }
    }

    private static NDArray attached(NDManager manager, NDArray array) {
        array.attach(manager);
        return array;
    }
}
