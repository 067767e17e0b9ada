"""Convert a trained Keras network into float32 and quantised TFLite models, on the host."""
