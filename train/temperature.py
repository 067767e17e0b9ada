"""Fit the temperature of a network: how far its probabilities have to be evened to be true of new people."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def fit_temperature(logits: npt.NDArray[np.float32], y: npt.NDArray[np.uint8]) -> float:
    """The temperature that minimises the cross-entropy of softmax(logits / temperature).

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017. Fit it on windows of subjects that the network was
    not trained on: logits `[n, n_classes]`, classes `[n]`.
    """

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(log_probabilities[np.arange(len(y)), y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))
