"""Read an ONNX file as the Keras network that a person would have written."""
