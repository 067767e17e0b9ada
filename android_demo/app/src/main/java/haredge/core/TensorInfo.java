package haredge.core;

import java.util.Arrays;

/** Describes an input or output tensor: its shape, and its type in numpy's words. */
public final class TensorInfo {
    public final int[] shape;
    public final String dtype;

    public TensorInfo(int[] shape, String dtype) {
        this.shape = shape.clone();
        this.dtype = dtype;
    }

    public int size() {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }
}
