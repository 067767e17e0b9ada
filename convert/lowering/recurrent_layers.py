"""Lower recurrent layers: unrolled over their steps, or as a loop whose turn is a few of them.

XNNPACK packs the weights of every operator anew: unrolled over many steps, a layer is slow to load, large and, beyond
the processor's cache, slow to run. A loop packs them for the steps of one turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from keras import layers

from convert.lowering.cells import Carried, GateLayout, GRUCell, LSTMCell, SimpleCell
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import Observer, rounded_to
from convert.lowering.sequences import (
    Operation,
    TensorOrSteps,
    concatenate_rows,
    join_steps,
    map_steps,
    named_steps,
    rows_of,
    sequence_of,
    split_rows,
    split_steps,
)
from convert.lowering.wavefronts import Direction, Wavefront

_CELLS: dict[type, type[LSTMCell | GRUCell | SimpleCell]] = {
    layers.LSTM: LSTMCell,
    layers.GRU: GRUCell,
    layers.SimpleRNN: SimpleCell,
}

_TURN = range(6, 13)
"""Steps in one turn of a loop: with fewer, the turns cost as much; with more, the packed weights are large."""

FEWEST_STEPS = 2 + 2 * _TURN[0]
"""A loop has two turns at least, and two steps before them."""


def lower_wavefront(call: Call, point: str, sources: Sequence[str], is_loop: bool) -> Operation:
    """Return one operation for all steps of a wavefront; a loop if `is_loop` and the layout asks for loops."""
    (source,) = sources
    wavefront = call.layer
    cell = _CELLS[type(wavefront.layers[0])](wavefront, point)
    run = _Recurrence(wavefront, cell, point, call.shapes[0][0], call.in_reverse)

    def compute(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        x = inputs[0] if source == point else map_steps(inputs[0], lambda x: rounded_to(point, source, x, observe))
        form = run.looped if is_loop and layout.looped else run.unrolled
        return form(x, observe, layout)

    return compute


def lower_direction(direction: Direction, point: str) -> Operation:
    """Return the share of one layer in the output, at the `point`, of a wavefront of both ways."""

    def compute(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        share = map_steps(inputs[0], lambda x: x[..., direction.columns])
        return _turned_round(share, point, observe) if direction.in_reverse else share

    return compute


@dataclass(frozen=True)
class _Recurrence:
    """The steps of a wavefront over a sequence of `n_steps`; its output is turned round if `in_reverse`."""

    wavefront: Wavefront
    cell: LSTMCell | GRUCell | SimpleCell
    point: str
    n_steps: int
    in_reverse: bool

    def unrolled(self, x: TensorOrSteps, observe: Observer, layout: GateLayout) -> TensorOrSteps:
        """The output, by operators for each step."""
        steps = split_steps(x)
        if self.wavefront.layers[0].go_backwards:
            steps.reverse()
        lanes = (steps, steps[::-1]) if self.wavefront.both_ways else (steps,)
        waves = [*zip(*lanes, strict=True), *[(steps[-1],)] * self.wavefront.delay]
        carried = self.cell.start(steps[0].shape[0])
        carried, states = self._compute(waves, 0, carried, observe, layout)
        if not self.wavefront.layers[-1].return_sequences:
            return self._answering(states[-1])
        states = [self._answering(x) for x in states[self.wavefront.delay :]]
        return states[::-1] if self.in_reverse else states

    def looped(self, x: TensorOrSteps, observe: Observer, layout: GateLayout) -> TensorOrSteps:
        """The output, by a loop after a few steps that are written out."""
        sequence = join_steps(x)
        if self.wavefront.layers[0].go_backwards:
            sequence = _turned_round(sequence, self.point, observe)
        if self.wavefront.both_ways:
            other = _turned_round(sequence, self.point, observe)
            sequence = observe(self.point, tf.concat([sequence, other], axis=2))
        batch, delay = sequence.shape[0], self.wavefront.delay
        rows = rows_of(sequence)
        if delay:
            rows = observe(self.point, tf.concat([rows, *[rows[-batch:]] * delay], axis=0))
        n_first, n_in_turn = _first_and_in_turn(self.n_steps, delay)
        waves = [(x,) for x in split_rows(rows[: n_first * batch], n_first, row_by_row=True)]
        carried, states = self._compute(waves, 0, self.cell.start(batch), observe, layout)
        given = [self._answering(x) for x in states[delay:]]
        state, others = self._loop(rows[n_first * batch :], n_in_turn, carried, observe, layout)
        if not self.wavefront.layers[-1].return_sequences:
            return self._answering(state)
        y = sequence_of(observe(self.point, concatenate_rows([*given, *others])), batch)
        return _turned_round(y, self.point, observe) if self.in_reverse else y

    def _loop(
        self, rows: tf.Tensor, n_in_turn: int, carried: Carried, observe: Observer, layout: GateLayout
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """The state after a loop over `rows` and, for a layer that gives a sequence, the rows of its output."""
        in_turn, (n_rows, n_features) = n_in_turn * carried[0].shape[0], rows.shape
        n_before = self.wavefront.delay + 1  # none is the first of its layer

        def observe_all(carried: Carried) -> Carried:
            state, *sums = carried
            at, *others = self.cell.points
            return (observe(at, state), *map(layout.summed(observe), others, sums))

        def turn(begin: tf.Tensor, rows: tf.Tensor, carried: Carried, given: tuple[tf.Tensor, ...]) -> Any:
            # Rounded values are observed again: the converter looks for scales on both sides of a border.
            rows = observe(self.point, rows)
            block = observe(self.point, tf.slice(rows, begin, [in_turn, n_features]))
            waves = [(x,) for x in split_rows(block, n_in_turn)]
            carried, states = self._compute(waves, n_before, observe_all(carried), observe, layout)
            new = self._answering(concatenate_rows(states)) if given else None
            given = tuple(
                observe(self.point, tf.concat([observe(self.point, x)[in_turn:], new], axis=0)) for x in given
            )
            return tf.add(begin, [in_turn, 0]), rows, observe_all(carried), given

        given: tuple[tf.Tensor, ...] = ()
        if self.wavefront.layers[-1].return_sequences:
            # A turn adds its rows at the end and drops others at the beginning. Zeros would be stored in the file.
            width = self.wavefront.answering.stop - self.wavefront.answering.start
            start = tf.pad(rows[:, :width], [[0, 0], [0, max(0, width - n_features)]])
            given = (observe(self.point, start),)
        variables = (tf.constant([0, 0]), rows, observe_all(carried), given)
        _, _, (state, *_), given = tf.while_loop(lambda begin, *_: begin[0] < n_rows, turn, variables)
        return observe(self.point, state), tuple(observe(self.point, x) for x in given)

    def _compute(
        self,
        waves: Sequence[tuple[tf.Tensor, ...]],
        n_before: int,
        carried: Carried,
        observe: Observer,
        layout: GateLayout,
    ) -> tuple[Carried, list[tf.Tensor]]:
        """The last carry of `waves`, and the state after each; `n_before` waves came first."""
        states: list[tf.Tensor] = []
        for number, wave in enumerate(named_steps(waves), n_before):
            step = wave[0] if len(wave) == 1 else observe(self.point, tf.concat(wave, axis=1))
            carried = self.cell(step, carried, number == 0, observe, layout)
            if number < self.wavefront.delay:
                begun = self.wavefront.columns[number].stop
                # Zeros: the state of layers that have not begun.
                carried = tuple(tf.pad(x[:, :begun], [[0, 0], [0, x.shape[1] - begun]]) for x in carried)
            states.append(carried[0])
        return carried, states

    def _answering(self, state: tf.Tensor) -> tf.Tensor:
        columns = self.wavefront.answering
        return state if columns == slice(0, self.wavefront.units) else state[:, columns]


def _first_and_in_turn(n_steps: int, delay: int) -> tuple[int, int]:
    """The numbers of waves before a loop and in one turn, with the smallest sum.

    Before the loop are waves of only some layers, and the rest that equal turns leave over. The first two waves are
    there too: the first has no cell to gate, the second one of another scale.
    """
    fewest = max(2, delay)

    def first(in_turn: int) -> int:
        return fewest + (n_steps + delay - fewest) % in_turn

    in_turn = min(_TURN, key=lambda x: first(x) + x)
    return first(in_turn), in_turn


def _turned_round(x: TensorOrSteps, point: str, observe: Observer) -> TensorOrSteps:
    """The sequence in reverse; the observer keeps it in int8."""
    return x[::-1] if isinstance(x, list) else observe(point, tf.reverse(x, axis=[1]))
