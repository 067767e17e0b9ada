"""State the coefficients of the front end's filters, as the card of every model carries them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Filter:
    """A cascade of second-order sections in transposed direct form II.

    `sections` `[n][6]` are b0 b1 b2 a0 a1 a2, `settled` `[n][2]` the state of each section after an endless input of 1,
    or zeros.
    """

    sections: tuple[tuple[float, ...], ...]
    settled: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Filters:
    """All filters between a sensor at `rate_hz` and the signals.

    The median of `median` samples around each comes first, then `noise`, a low-pass, which gives `total_acc`.
    `body_acc` is that less its `gravity`, `body_gyro` rotation less its `drift`, both low-passes.
    """

    rate_hz: float
    median: int
    noise: Filter
    gravity: Filter
    drift: Filter


FILTERS = Filters(
    rate_hz=50.0,
    median=3,
    # Butterworth low-passes (Anguita et al. 2013): order 10 at 20 Hz, order 3 at 0.3 Hz, order 2 at 0.1 Hz.
    # Literal, so that every machine and version of SciPy has the same bits; a test compares them with the design.
    noise=Filter(
        sections=(
            (0.12837301330223735, 0.2567460266044747, 0.12837301330223735, 1.0, 1.023716668584059, 0.2653833920695206),
            (1.0, 2.0, 1.0, 1.0, 1.0618968468751013, 0.3125766878303106),
            (1.0, 2.0, 1.0, 1.0, 1.1429805025399007, 0.41280159809618844),
            (1.0, 2.0, 1.0, 1.0, 1.2772114832789292, 0.5787202149760926),
            (1.0, 2.0, 1.0, 1.0, 1.4817841285386752, 0.8315859108540888),
        ),
        settled=(
            (0.09594747929446377, 0.06884208006621903),
            (0.15356620829597709, 0.10620191925654444),
            (0.2135357068292146, 0.13374658583518534),
            (0.2369201021262982, 0.11204385234871163),
            (0.17165749015180895, -0.00324340100589783),
        ),
    ),
    gravity=Filter(
        sections=(
            (6.4518491290909294e-06, 1.2903698258181859e-05, 6.4518491290909294e-06, 1.0, -0.9629940509502153, 0.0),
            (1.0, 1.0, 0.0, 1.0, -1.9616121845004821, 0.9630069546484734),
        ),
        settled=(
            (0.0006909332248665686, 6.4518491290909294e-06),
            (0.999302614926096, -0.9630069546485616),
        ),
    ),
    drift=Filter(
        sections=(
            (
                3.913020539914434e-05,
                7.826041079828868e-05,
                3.913020539914434e-05,
                1.0,
                -1.9822289297925284,
                0.9823854506141251,
            ),
        ),
        settled=((0.0, 0.0),),
    ),
)
"""The filters of `edge_runtime.signals.frontend`."""
