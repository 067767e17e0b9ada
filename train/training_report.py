"""Report the scores of a finished training, of one seed or several: print them, and write their spread."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from edge_runtime.data.subject_groups import noun_of, with_noun
from edge_runtime.model.model_card import Card
from edge_runtime.runs import SEEDS
from edge_runtime.system.files import write_csv, write_text
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console
from train.seed_spread import MEASURES, PARTS, PartSpread, spread
from train.training_plots import plot_subjects

SEEDS_FORMAT = 1


def show_run(card: Card, folder: Path) -> None:
    """Print the scores of one run, on its held-out and on the test subjects."""
    scores = [card.scores[part] for part in PARTS]
    noun = noun_of(scores[0]["per_subject"])
    table = _table(card, "", [len(x["per_subject"]) for x in scores], noun)
    for key, name in MEASURES.items():
        table.add_row(name, *(percent(x[key]) for x in scores))
    for name in ("precision", "recall", "f1"):
        table.add_row(f"weighted {'F1' if name == 'f1' else name}", *(percent(x["weighted"][name]) for x in scores))
    table.add_section()
    for label in card.labels:
        table.add_row(f"F1 {label}", *(percent(x["per_class"][label]["f1"]) for x in scores))
    table.add_section()
    for name, choose in (("worst", min), ("best", max)):
        table.add_row(f"{name} {noun}, macro F1", *(_extreme(x["per_subject_macro_f1"], choose) for x in scores))
    for kind in ("per_placement", "per_source"):
        _add_groups(table, [x[kind] for x in scores])
    _show(table, folder)


def show_seeds(cards: Sequence[Card], folder: Path) -> None:
    """Print the scores of several runs, one a seed: their mean and standard deviation, and each run."""
    parts = list(spread(cards).values())
    noun = noun_of(parts[0].per_subject)
    note = f", mean ± standard deviation of {len(cards)} seeds"
    table = _table(cards[0], note, [len(x.per_subject) for x in parts], noun)
    for key, name in MEASURES.items():
        table.add_row(name, *(str(getattr(x, key)) for x in parts))
    worst = [min(x.per_subject_macro_f1.items(), key=lambda y: y[1].mean) for x in parts]
    table.add_row(f"worst {noun}, macro F1", *(f"{subject}: {macro_f1}" for subject, macro_f1 in worst))
    table.add_section()
    for i, card in enumerate(cards):
        for key, name in MEASURES.items():
            cells = [percent(getattr(x, key).per_seed[i]) for x in parts]
            table.add_row(f"{name}, seed {card.training['seed']}", *cells)
    _show(table, folder)


def _table(card: Card, note: str, n_subjects: Sequence[int], noun: str) -> Table:
    table = Table(title=f"{card.name}: {card.network['parameters']:,} parameters{note}", title_justify="left")
    table.add_column("")
    for part, n in zip(PARTS.values(), n_subjects, strict=True):
        table.add_column(f"{part} ({counted(n, noun)})", justify="right")
    return table


def _show(table: Table, folder: Path) -> None:
    console = Console(markup=False)  # labels are other people's text
    console.print(table)
    console.print(f"Scores, history and pictures: {folder}", soft_wrap=True)


def _extreme(per_subject: dict[str, float], choose: Callable[..., str]) -> str:
    subject = choose(per_subject, key=per_subject.__getitem__)
    return f"{percent(per_subject[subject])} ({with_noun(subject)})"


def _add_groups(table: Table, groups: Sequence[Mapping[str, Mapping[str, float]]]) -> None:
    """Add a row for each placement or data set of the parts of the data, where there are several."""
    names = list(dict.fromkeys(name for part in groups for name in part))
    if len(names) < 2:
        return
    table.add_section()
    for name in names:
        for key, measure in MEASURES.items():
            table.add_row(f"{measure}, {name}", *(percent(x[name][key]) if name in x else "" for x in groups))


def write_seeds(folder: Path, cards: Sequence[Card], pictures: str) -> None:
    """Write how scores vary with the seed: `seeds.csv`, a picture and, last, `seeds.json`, which completes them.

    As in each of the trainings, test subjects are only scored: neither a seed nor anything else is chosen by them.
    """
    parts = spread(cards)
    seeds = [card.training["seed"] for card in cards]
    write_csv(folder / "seeds.csv", _rows(seeds, parts))
    per_subject = {
        f"{name}, {parts[part].accuracy}": {x: spread.per_seed for x, spread in parts[part].per_subject.items()}
        for part, name in PARTS.items()
    }
    title = f"{cards[0].name}, seeds {seeds[0]} to {seeds[-1]}"
    plot_subjects(per_subject, title, "Diamonds: mean ± standard deviation of seeds.", folder / f"seeds.{pictures}")
    content = {
        "format": SEEDS_FORMAT,
        "network": cards[0].network,
        "recipe": cards[0].training["recipe"],
        "data": cards[0].training["data"],
        "seeds": seeds,
        "runs": [f"seed-{seed}" for seed in seeds],
        "scores": {part: dataclasses.asdict(x) for part, x in parts.items()},
    }
    write_text(folder / SEEDS, json.dumps(content, indent=1) + "\n")


def _rows(seeds: Sequence[int], parts: Mapping[str, PartSpread]) -> Iterator[Sequence[object]]:
    yield "seed", "part", "subject", *MEASURES
    for i, seed in enumerate(seeds):
        for part, spreads in parts.items():
            yield seed, part, "", spreads.accuracy.per_seed[i], spreads.macro_f1.per_seed[i]
            for subject, accuracy in spreads.per_subject.items():
                yield seed, part, subject, accuracy.per_seed[i], spreads.per_subject_macro_f1[subject].per_seed[i]
