"""Conversion on the host: a trained Keras network becomes float32 and int8 TFLite models."""
