"""List sixteen published networks with their sources, inputs and epochs of training."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from tools.published_networks import branching, recurrent
from train.fit import networks

SAMPLES, SIGNALS, CLASSES = 128, 9, 6


@dataclass(frozen=True)
class Published:
    """A network as its source describes it, for windows of UCI HAR.

    `build` takes the shape of the input, without the batch, and the number of classes. `epochs` are fewer than the
    source's. `build_to_train` builds the same network from layers that Keras trains faster.
    """

    source: str
    build: Callable[[tuple[int, ...], int], keras.Model]
    input_shape: tuple[int, ...] = (SAMPLES, SIGNALS)
    epochs: int = 8
    build_to_train: Callable[[tuple[int, ...], int], keras.Model] | None = None

    def to_train(self) -> keras.Model:
        """Build the network, with new weights, for training."""
        return (self.build_to_train or self.build)(self.input_shape, CLASSES)

    def trained(self, network: keras.Model) -> keras.Model:
        """Return the source's network with the weights of a trained `network` of `to_train`."""
        if self.build_to_train is None:
            return network
        published = self.network()
        for weight, value in zip(published.weights, network.get_weights(), strict=True):
            weight.assign(value.reshape(weight.shape))
        return published

    def network(self) -> keras.Model:
        """Build the source's network, with new weights."""
        return self.build(self.input_shape, CLASSES)

    def arrange(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Bring windows `[n, samples, signals]` into the network's input shape."""
        if self.input_shape == (SIGNALS, SAMPLES):
            return windows.transpose(0, 2, 1)
        return windows.reshape(len(windows), *self.input_shape)


_BROWNLEE = "J. Brownlee, How to Develop RNN Models for Human Activity Recognition, machinelearningmastery.com, 2018"
_ISPL = "R. Mutegeki, D. Han, iSPLInception, IEEE Access 2021, a baseline; rmutegeki/iSPLInception"

NETWORKS = {
    "brownlee-lstm": Published(_BROWNLEE, recurrent.brownlee_lstm),
    "brownlee-cnn-lstm": Published(_BROWNLEE, recurrent.brownlee_cnn_lstm, (4, 32, 9), epochs=5),
    "brownlee-convlstm": Published(_BROWNLEE, recurrent.brownlee_conv_lstm, (4, 1, 32, 9), epochs=3),
    "stacked-lstm": Published(
        "G. Chevalier, LSTMs for Human Activity Recognition, 2016; guillaume-chevalier/LSTM-Human-Activity-Recognition",
        lambda shape, n_classes: networks.stacked_lstm((SAMPLES, SIGNALS), n_classes),
    ),
    "residual-bidir-lstm": Published(
        "Y. Zhao, R. Yang, G. Chevalier et al., Deep Residual Bidir-LSTM for Human Activity Recognition, 2017; "
        "guillaume-chevalier/HAR-stacked-residual-bidir-LSTMs",
        lambda shape, n_classes: networks.residual_bidir_lstm((SAMPLES, SIGNALS), n_classes),
        epochs=5,
    ),
    "deep-conv-lstm": Published(
        "F. Ordóñez, D. Roggen, Deep Convolutional and LSTM Recurrent Neural Networks for Multimodal Wearable Activity "
        "Recognition, Sensors 2016",
        branching.deep_conv_lstm,
        (SAMPLES, SIGNALS, 1),
        epochs=2,
    ),
    "lstm-cnn": Published(
        "K. Xia, J. Huang, H. Wang, LSTM-CNN Architecture for Human Activity Recognition, IEEE Access 2020",
        recurrent.lstm_cnn,
    ),
    "ispl-cnn-lstm": Published(_ISPL, recurrent.ispl_cnn_lstm, epochs=4),
    "ispl-bilstm": Published(_ISPL, recurrent.ispl_bilstm, epochs=4),
    "lstm-fcn": Published(
        "F. Karim, S. Majumdar, H. Darabi, S. Chen, LSTM Fully Convolutional Networks for Time Series Classification, "
        "IEEE Access 2018; titu1994/LSTM-FCN",
        branching.lstm_fcn,
        (SIGNALS, SAMPLES),
        epochs=3,
    ),
    "mlstm-fcn": Published(
        "F. Karim, S. Majumdar, H. Darabi, S. Harford, Multivariate LSTM-FCNs for Time Series Classification, Neural "
        "Networks 2019; titu1994/MLSTM-FCN",
        branching.mlstm_fcn,
        (SIGNALS, SAMPLES),
        epochs=3,
    ),
    "icgnet": Published(
        "N. Dua, S. Singh, V. Semwal, S. Challa, Inception Inspired CNN-GRU Hybrid Network for Human Activity "
        "Recognition, Multimedia Tools and Applications 2022; as eno-lab/IMU-based-HAR-benchmark has it",
        branching.icgnet,
        epochs=4,
        build_to_train=branching.icgnet_at_once,
    ),
    "tinierhar": Published(
        "S. Bian et al., TinierHAR, ISWC 2025; zhaxidele/TinierHAR", branching.tinierhar, (SAMPLES, SIGNALS, 1)
    ),
    "cnn-bilstm-attention": Published(
        "PatientEz/CNN-BiLSTM-Attention-Time-Series-Prediction_Keras, with the attention of "
        "philipperemy/keras-attention-mechanism",
        branching.cnn_bilstm_attention,
        epochs=4,
    ),
    "gru-trio": Published("ParthibMudi/HAR, model v2", recurrent.gru_trio, epochs=15),
    "transformer": Published(
        "T. Ntakouris, Timeseries classification with a Transformer model, keras.io, 2021",
        branching.transformer,
        epochs=2,
    ),
}
