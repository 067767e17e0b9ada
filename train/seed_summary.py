"""What several trainings say together, which differ in their seed alone: how much of a score hangs on the seed.

As in each of them, test subjects are only scored: neither a seed nor anything else is chosen by them.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_runtime.model.model_card import Card
from edge_runtime.runs import SEEDS
from edge_runtime.system.files import write_text
from train.spread import MEASURES, PARTS, PartSpread, spread
from train.training_plots import plot_seeds

FORMAT = 1


def write(folder: Path, cards: Sequence[Card]) -> None:
    """Leave `seeds.json`, `seeds.csv` and `seeds.png` in `folder`, the first last: with it, the folder is complete."""
    parts = spread(cards)
    seeds = [card.training["seed"] for card in cards]
    write_text(folder / "seeds.csv", _to_csv(seeds, parts))
    plot_seeds(
        {words: parts[part].per_subject for part, words in PARTS.items()},
        {words: parts[part].accuracy for part, words in PARTS.items()},
        f"{cards[0].name}, {cards[0].training['recipe']['name']} recipe, seeds {seeds[0]} to {seeds[-1]}",
        folder / "seeds.png",
    )
    content = {
        "format": FORMAT,
        "network": cards[0].network,
        "recipe": cards[0].training["recipe"],
        "data": cards[0].training["data"],
        "seeds": seeds,
        "runs": [f"seed-{seed}" for seed in seeds],
        "scores": {part: dataclasses.asdict(x) for part, x in parts.items()},
    }
    write_text(folder / SEEDS, json.dumps(content, indent=1) + "\n")


def _to_csv(seeds: Sequence[int], parts: Mapping[str, PartSpread]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["seed", "part", "subject", *MEASURES])
    for i, seed in enumerate(seeds):
        for part, spreads in parts.items():
            writer.writerow([seed, part, "", spreads.accuracy.per_seed[i], spreads.macro_f1.per_seed[i]])
            writer.writerows([seed, part, subject, x.per_seed[i], ""] for subject, x in spreads.per_subject.items())
    return text.getvalue()
