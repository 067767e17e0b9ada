"""Give the labels of files the names that a layout says."""

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.data.dataset import MAX_LABELS
from edge_runtime.data.label_order import in_order
from edge_runtime.data.layout import OTHERS, Layout
from edge_runtime.data.layout_keys import as_key
from edge_runtime.data.subject_groups import natural
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted


@dataclass(frozen=True)
class LabelNames:
    """The `names` of all labels, of which the first `n_classes` are classes; `number` of each label of the files.

    `absent` are the labels that the layout names, and no file has, `unnamed` those of files that it does not name.
    """

    names: tuple[str, ...]
    n_classes: int
    number: Mapping[str, int]
    absent: tuple[str, ...]
    unnamed: tuple[str, ...]

    @classmethod
    def of(cls, found: set[str], layout: Layout, path: Path) -> "LabelNames":
        """The labels that were `found`. Raises `InputError` for one that the layout does not name, and for too many."""
        said = {**layout.labels, **layout.other_labels}
        keys = {x: _as_named(x, said) for x in found if x}
        unknown = sorted((x for x, key in keys.items() if key not in said), key=natural)
        if unknown and layout.names_labels:
            key = as_key(unknown[0])
            more = f" (and {', '.join(quoted(x, 30) for x in unknown[1:9])})" if len(unknown) > 1 else ""
            near = difflib.get_close_matches(unknown[0], [x for x in said if x not in keys.values()], 1)
            meant = f"; it names {quoted(near[0], 30)}, which no file has" if near else ""
            if layout.label_file and _as_named(unknown[0].partition(" ")[0], said) in layout.labels:
                meant = ' (where columns follow that of the label write "" behind "label" under [label_file])'
            by_path = ", by {label} in files," if "label" in layout.files.names else ""
            raise InputError(
                f"{path}: {layout.source} does not say what the label {quoted(unknown[0], 30)}{more}{by_path} "
                f'is{meant}: write {key} = "ITS NAME" under [labels], or under [other_labels] if it is no class to '
                f'learn, or {key} = "" to leave it out; "{OTHERS}" = "" leaves out all that are not named'
            )
        names = {x: said.get(key, x) for x, key in keys.items()}
        classes = in_order(names[x] for x in names if names[x] and keys[x] not in layout.other_labels)
        others = in_order(x for x in names.values() if x and x not in classes)
        if len(classes) + len(others) > MAX_LABELS:
            raise InputError(f"{path} has {len(classes) + len(others)} different labels; {MAX_LABELS} are the most")
        every = (*classes, *others)
        number = {"": -1} | {x: every.index(n) if n else -1 for x, n in names.items()}
        absent = tuple(x for x in said if x not in (*keys.values(), OTHERS))
        unnamed = tuple(sorted((x for x, key in keys.items() if key == OTHERS), key=natural))
        return cls(every, len(classes), number, absent, unnamed)


def is_named(label: str, layout: Layout) -> bool:
    """Tell whether the layout names a label of the files, or none at all."""
    said = {**layout.labels, **layout.other_labels}
    return not layout.names_labels or _as_named(label, said) in said


def _as_named(label: str, said: Collection[str]) -> str:
    """Find the name that a layout has for a label: 1.0 is 1, a `*` any text, "*" alone every other."""
    if label in said:
        return label
    try:
        number = float(label)
        plain = str(int(number)) if number.is_integer() else label
    except ValueError:
        plain = label
    if plain in said:
        return plain
    return next((x for x in said if x != OTHERS and _stands_for(x, label)), OTHERS if OTHERS in said else label)


def _stands_for(key: str, label: str) -> bool:
    """Tell whether a key with `*` for any text, as in `F*`, stands for the label."""
    first, *middle = map(re.escape, key.split(OTHERS))
    if not middle:
        return False
    *middle, last = middle
    # Each part is sought once, from the left: no other place of it can fit better.
    pattern = f"{first}{''.join(f'(?>.*?{x})' for x in middle)}.*{last}"
    return re.fullmatch(pattern, label, re.DOTALL) is not None
