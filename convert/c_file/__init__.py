"""A `.tflite` model as one C99 file with LiteRT's answers, bit for bit."""
