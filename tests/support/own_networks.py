"""Networks of a user, right and wrong, for `--network MODULE:FUNCTION`."""

import keras
from keras import layers


def good(input_shape, n_classes):
    return keras.Sequential([keras.Input(input_shape), layers.GlobalAveragePooling1D(), layers.Dense(n_classes)])


def other_input(input_shape, n_classes):
    return good((64, 3), n_classes)


def other_output(input_shape, n_classes):
    return good(input_shape, n_classes + 1)


def probabilities(input_shape, n_classes):
    return keras.Sequential([good(input_shape, n_classes), layers.Dense(n_classes, "softmax")])


class Subclassed(keras.Model):
    def call(self, windows):
        return windows[:, 0, :6]


def subclassed(input_shape, n_classes):
    network = Subclassed()
    network.build((None, *input_shape))
    return network


def twice(tensor):
    return 2 * tensor


def ending(input_shape, n_classes, *middle):
    middle = [keras.Input(input_shape), *middle, layers.GlobalAveragePooling1D(), layers.Dense(n_classes)]
    return keras.Sequential(middle)


def own_function(input_shape, n_classes):
    inner = ending(input_shape, n_classes, layers.Dense(4, activation=twice, name="mine"))
    return keras.Sequential([keras.Input(input_shape), inner])


def not_convertible(input_shape, n_classes):
    pooled = keras.Sequential([layers.UnitNormalization(name="theirs")])
    return ending(input_shape, n_classes, layers.UpSampling1D(name="mine"), layers.TimeDistributed(pooled))


def family(trial, input_shape, n_classes):
    """Build a family whose fits start within a second."""
    units, activation = trial.suggest_int("units", 2, 40), trial.suggest_categorical("of", ["relu"])
    return ending(input_shape, n_classes, layers.Conv1D(units, 16, activation=activation))
