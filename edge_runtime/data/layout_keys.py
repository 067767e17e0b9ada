"""Take keys and values of a layout, so that each mistake is named with its line."""

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from edge_runtime.data.layout import Column
from edge_runtime.errors import InputError
from edge_runtime.system.printable import has_control, quoted

MAX_COLUMN = 10_000
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_key(text: str) -> str:
    """`text` as a key of TOML, in quotes where it needs them."""
    if _BARE.fullmatch(text):
        return text
    return "'" + text + "'" if '"' in text or "\\" in text else f'"{text}"'


class LayoutKeys:
    """One table of a layout, whose errors name its lines."""

    def __init__(self, text: str, source: str, name: str, content: Mapping[str, Any]) -> None:
        self.content = content
        self._text, self._source, self._name = text, source, name

    def table(self, key: str) -> "LayoutKeys | None":
        """The table `key` inside; None without one."""
        if key not in self.content:
            return None
        if not isinstance(self.content[key], dict):
            raise self.error(key, f"{key} is a table: write [{key}] above its keys")
        return LayoutKeys(self._text, self._source, key, self.content[key])

    def check_keys(self, known: Collection[str], at_top: Collection[str] = ()) -> None:
        """Raise `InputError` for a key that is none of those `known`, and says where it belongs if that is `at_top`."""
        for key in self.content:
            if key not in known:
                where = f"in [{self._name}]" if self._name else "here"
                top = " above the first [table], where this one belongs" if key in at_top else ""
                near = difflib.get_close_matches(key, known, 1)
                meant = f", perhaps {near[0]}" if near and not top else ""
                raise self.error(
                    key,
                    f"there is no {quoted(key, 30)} {where}{meant}{top and f', but there is{top}'}: known are "
                    f"{', '.join(known)}",
                )

    def error(self, key: str, says: str) -> InputError:
        """The error that the line of `key` has, or of the table without it."""
        line = _line(self._text, self._name, key)
        return InputError(f"{self._source}, line {line}: {says}" if line else f"{self._source}: {says}")

    def need(self, key: str, kind: type, example: str) -> Any:
        """The value of `key`, which has to be there."""
        value = self.content.get(key)
        if not isinstance(value, kind) or isinstance(value, bool) or value == "":
            fault = f"{key} = {quoted(str(value), 30)} is not taken" if key in self.content else f"there is no {key}"
            raise self.error(key, f"{fault}: write {example}")
        return value

    def text(self, key: str, default: str) -> str:
        """The text of `key`."""
        value: str = self.need(key, str, f'{key} = "text"') if key in self.content else default
        if has_control(value):
            raise self.error(key, f"{key} has a line break or control character: leave it out")
        return value

    def one_of(self, key: str, known: Collection[str], default: str | None) -> Any:
        """The value of `key`, one of those `known`."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or value not in known:
            raise self.error(key, f"{key} is one of {', '.join(map(quoted, known))}, not {quoted(str(value), 30)}")
        return value

    def number(self, key: str, least: float, most: float, default: float | None) -> float | None:
        """The number of `key` from `least` to `most`."""
        value = self.content.get(key, default)
        if value is default:
            return default
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
            raise self.error(key, f"{key} is a number from {least:g} to {most:g}, not {quoted(str(value), 30)}")
        return float(value)

    def whole(self, key: str, most: int, default: int) -> int:
        """The whole number of `key` from 0 to `most`."""
        value = self.content.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise self.error(key, f"{key} is a whole number from 0 to {most}, not {quoted(str(value), 30)}")
        return value

    def three_numbers(self, key: str, most: float) -> tuple[float, ...]:
        """The numbers of `key` for x, y and z, each from -`most` to `most`: a list of three, or one for all; else 0."""
        value = self.content.get(key, 0.0)
        found = value if isinstance(value, list) else [value] * 3
        are_numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) and -most <= x <= most for x in found)
        if len(found) != 3 or not are_numbers:
            raise self.error(
                key,
                f"{key} is a number from {-most:g} to {most:g}, or a list of three, for x, y and z; not "
                f"{quoted(str(value), 30)}",
            )
        return tuple(map(float, found))

    def truth(self, key: str) -> bool:
        """The true or false of `key`; false without it."""
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"{key} is true or false, not {quoted(str(value), 30)}")
        return value

    def list_of_text(self, key: str) -> tuple[str, ...]:
        """The texts in the list of `key`, or its one text."""
        value = self.content.get(key, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(x, str) and x for x in value):
            raise self.error(key, f'{key} is a list of texts: write {key} = ["#", "@"]')
        return tuple(value)

    def column(self, key: str, value: Any) -> Column:
        """`value` as a column."""
        is_number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_COLUMN
        if not is_number and not (isinstance(value, str) and value.strip()):
            raise self.error(
                key, f"{quoted(str(value), 30)} is no column: give its name in the header, or its number from 1 on"
            )
        return value.strip() if isinstance(value, str) else int(value)


def _line(text: str, table: str, key: str) -> int:
    """The line of `key` in `table`, or else of the table's heading; 0 where neither is found."""
    here, heading = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\[([^\]]*)\]", line.strip()):
            here = found[1].strip().strip("\"'")
            heading = number if here == (table or key) else heading
        elif here == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return heading
