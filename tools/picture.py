"""Draw the output of a command on an 80-column terminal as SVG: `python -m tools.picture docs/bench.svg bench`."""

import io
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edge_runtime.system.files import write_text
from tools import COMMAND

WIDTH = 80
# Rich's frame loads a font from the net; a picture in a README uses the reader's fonts.
FRAME = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def main() -> None:
    """Run `har-edge` with the arguments after the file name, and draw its stdout."""
    target, *arguments = sys.argv[1:]
    as_terminal = os.environ | {"COLUMNS": str(WIDTH), "TERM": "xterm-256color", "FORCE_COLOR": "1"}
    done = subprocess.run([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True, check=True, env=as_terminal)
    # Rich clears the lines before it draws a progress bar again: only the last output stays.
    shown = done.stdout.rpartition("\x1b[1A\x1b[2K")[2]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ har-edge " + " ".join(arguments), style="bold"))
    console.print(Text.from_ansi(shown))
    write_text(Path(target), console.export_svg(title="har-edge", code_format=FRAME, unique_id="terminal"))


if __name__ == "__main__":
    main()
