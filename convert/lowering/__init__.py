"""Rewrite a Keras graph as a TensorFlow function with named quantisation points."""
