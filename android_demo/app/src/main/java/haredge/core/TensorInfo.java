package haredge.core;

/** Describes an input or output tensor: its shape, and its type in numpy's words. */
public final class TensorInfo {
    public final int[] shape;
    public final String dtype;

    public TensorInfo(int[] shape, String dtype) {
        this.shape = shape.clone();
        this.dtype = dtype;
    }

    public int size() {
        int product = 1;
        for (int n : shape) {
            product *= n;
        }
        return product;
    }
}
