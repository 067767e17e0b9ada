"""Lower recurrent layers: unrolled over their steps, or as a loop that computes a few steps per turn.

XNNPACK packs the weights again for every operator: unrolled over many steps, a layer is slow to load, large and, beyond
the processor's cache, slow to run. A loop packs the weights only for the steps of one turn.
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
"""Steps in one turn of a loop: with fewer steps, the turns cost as much; with more, the packed weights are large."""

FEWEST_STEPS = 2 + 2 * _TURN[0]
"""A loop has at least two turns, and two steps before them."""


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
    """Return one layer's share of the output of a bidirectional wavefront, which is at the `point`."""

    def compute(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        share = map_steps(inputs[0], lambda x: x[..., direction.columns])
        return _reversed(share, point, observe) if direction.in_reverse else share

    return compute


@dataclass(frozen=True)
class _Recurrence:
    """The steps of a wavefront over a sequence of `n_steps`; its output is reversed if `in_reverse`."""

    wavefront: Wavefront
    cell: LSTMCell | GRUCell | SimpleCell
    point: str
    n_steps: int
    in_reverse: bool

    def unrolled(self, x: TensorOrSteps, observe: Observer, layout: GateLayout) -> TensorOrSteps:
        """Compute the output with operators for each step."""
        steps = split_steps(x)
        if self.wavefront.layers[0].go_backwards:
            steps.reverse()
        lanes = (steps, steps[::-1]) if self.wavefront.both_ways else (steps,)
        waves = [*zip(*lanes, strict=True), *[(steps[-1],)] * self.wavefront.delay]
        carried = self.cell.start(steps[0].shape[0])
        carried, states = self._compute(waves, 0, carried, observe, layout)
        if not self.wavefront.layers[-1].return_sequences:
            return self._answering(states[-1])
        states = [self._answering(state) for state in states[self.wavefront.delay :]]
        return states[::-1] if self.in_reverse else states

    def looped(self, x: TensorOrSteps, observe: Observer, layout: GateLayout) -> TensorOrSteps:
        """Compute the output with a loop after a few unrolled steps."""
        sequence = join_steps(x)
        if self.wavefront.layers[0].go_backwards:
            sequence = _reversed(sequence, self.point, observe)
        if self.wavefront.both_ways:
            other = _reversed(sequence, self.point, observe)
            sequence = observe(self.point, tf.concat([sequence, other], axis=2))
        batch, delay = sequence.shape[0], self.wavefront.delay
        rows = rows_of(sequence)
        if delay:
            rows = observe(self.point, tf.concat([rows, *[rows[-batch:]] * delay], axis=0))
        n_first, n_in_turn = _first_and_in_turn(self.n_steps, delay)
        waves = [(step,) for step in split_rows(rows[: n_first * batch], n_first, row_by_row=True)]
        carried, states = self._compute(waves, 0, self.cell.start(batch), observe, layout)
        first = [self._answering(state) for state in states[delay:]]
        state, others = self._loop(rows[n_first * batch :], n_in_turn, carried, observe, layout)
        if not self.wavefront.layers[-1].return_sequences:
            return self._answering(state)
        y = sequence_of(observe(self.point, concatenate_rows([*first, *others])), batch)
        return _reversed(y, self.point, observe) if self.in_reverse else y

    def _loop(
        self, rows: tf.Tensor, n_in_turn: int, carried: Carried, observe: Observer, layout: GateLayout
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Return the state after a loop over `rows` and, if the layer returns a sequence, the rows of its output."""
        in_turn, (n_rows, n_features) = n_in_turn * carried[0].shape[0], rows.shape
        n_before = self.wavefront.delay + 1  # no step here is the first of its layer

        def observe_all(carried: Carried) -> Carried:
            state, *sums = carried
            at, *others = self.cell.points
            return (observe(at, state), *map(layout.summed(observe), others, sums))

        def turn(begin: tf.Tensor, rows: tf.Tensor, carried: Carried, output: tuple[tf.Tensor, ...]) -> Any:
            # Rounded values are observed again: the converter looks for scales on both sides of a loop's border.
            rows = observe(self.point, rows)
            block = observe(self.point, tf.slice(rows, begin, [in_turn, n_features]))
            waves = [(step,) for step in split_rows(block, n_in_turn)]
            carried, states = self._compute(waves, n_before, observe_all(carried), observe, layout)
            new = self._answering(concatenate_rows(states)) if output else None
            output = tuple(
                observe(self.point, tf.concat([observe(self.point, x)[in_turn:], new], axis=0)) for x in output
            )
            return tf.add(begin, [in_turn, 0]), rows, observe_all(carried), output

        output: tuple[tf.Tensor, ...] = ()
        if self.wavefront.layers[-1].return_sequences:
            # A turn appends its rows, and drops as many at the beginning. Zeros there would be stored in the file.
            width = self.wavefront.answering.stop - self.wavefront.answering.start
            start = tf.pad(rows[:, :width], [[0, 0], [0, max(0, width - n_features)]])
            output = (observe(self.point, start),)
        variables = (tf.constant([0, 0]), rows, observe_all(carried), output)
        _, _, (state, *_), output = tf.while_loop(lambda begin, *_: begin[0] < n_rows, turn, variables)
        return observe(self.point, state), tuple(observe(self.point, x) for x in output)

    def _compute(
        self,
        waves: Sequence[tuple[tf.Tensor, ...]],
        n_before: int,
        carried: Carried,
        observe: Observer,
        layout: GateLayout,
    ) -> tuple[Carried, list[tf.Tensor]]:
        """Return the last carry of `waves`, and the state after each wave; `n_before` waves came before."""
        states: list[tf.Tensor] = []
        for number, wave in enumerate(named_steps(waves), n_before):
            step = wave[0] if len(wave) == 1 else observe(self.point, tf.concat(wave, axis=1))
            carried = self.cell(step, carried, number == 0, observe, layout)
            if number < self.wavefront.delay:
                begun = self.wavefront.columns[number].stop
                # Layers that have not begun have a state of zeros.
                carried = tuple(tf.pad(state[:, :begun], [[0, 0], [0, state.shape[1] - begun]]) for state in carried)
            states.append(carried[0])
        return carried, states

    def _answering(self, state: tf.Tensor) -> tf.Tensor:
        columns = self.wavefront.answering
        return state if columns == slice(0, self.wavefront.units) else state[:, columns]


def _first_and_in_turn(n_steps: int, delay: int) -> tuple[int, int]:
    """Return the numbers of waves before a loop and in one turn that have the smallest sum.

    Waves of only some layers come before the loop, and so does the remainder that equal turns leave. The first two
    waves are always there: the first has no cell to gate, and the cell of the second has a different scale.
    """
    fewest = max(2, delay)

    def first(in_turn: int) -> int:
        return fewest + (n_steps + delay - fewest) % in_turn

    in_turn = min(_TURN, key=lambda n: first(n) + n)
    return first(in_turn), in_turn


def _reversed(x: TensorOrSteps, point: str, observe: Observer) -> TensorOrSteps:
    """Return the sequence in reverse; the observer keeps it in int8."""
    return x[::-1] if isinstance(x, list) else observe(point, tf.reverse(x, axis=[1]))
