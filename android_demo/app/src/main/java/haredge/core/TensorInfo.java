package haredge.core;

/** Describes an input or output tensor: its shape, its type in numpy's words, and how it is quantised, if it is. */
public final class TensorInfo {
    public final int[] shape;
    public final String dtype;
    public final float scale;
    public final int zeroPoint;

    /** {@code dtype} is {@code float32}, {@code int8} or {@code uint8}; {@code scale} is 0 where it is not quantised. */
    public TensorInfo(int[] shape, String dtype, float scale, int zeroPoint) {
        this.shape = shape.clone();
        this.dtype = dtype;
        this.scale = scale;
        this.zeroPoint = zeroPoint;
    }

    /** The number of values. */
    public int size() {
        int product = 1;
        for (int n : shape) {
            product *= n;
        }
        return product;
    }

    /** The bytes that one value takes. */
    public int width() {
        return isFloat() ? 4 : 1;
    }

    public boolean isFloat() {
        return dtype.equals("float32");
    }

    int lowest() {
        return dtype.equals("uint8") ? 0 : -128;
    }

    int highest() {
        return dtype.equals("uint8") ? 255 : 127;
    }
}
