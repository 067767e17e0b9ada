"""Write the page as a folder of static files, with models as WebAssembly."""

from collections.abc import Sequence
from pathlib import Path

from convert.page.page_bench import write_bench
from convert.page.wasm_model import write_wasm_model
from edge_runtime.errors import InputError
from edge_runtime.live.recognizer import check_front_end
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import model_path
from edge_runtime.system.files import write_bytes, write_text
from edge_runtime.system.progress import OnProgress

BUILT = Path(__file__).resolve().parents[2] / "build" / "page"
"""Where `make page` leaves the page, in a clone."""


def write_page(models: Sequence[Path], folder: Path, on_progress: OnProgress) -> None:
    """Write the page into `folder` with `models`: files, runs or reference models, whose order it keeps.

    Raises `InputError` when the page is not built or does not take a model, else as `write_wasm_model`.
    """
    if not (BUILT / "har.js").is_file():
        raise InputError("the page is not built here: run 'make page' in a clone of har-edge")
    names = [x.resolve().name.removesuffix(".tflite") for x in models]
    for name, model in zip(names, models, strict=True):
        if names.count(name) > 1:
            raise InputError(f"two models are called {name}: rename one")
        path = model_path(model)
        card = cards.read_model(path)[1]
        check_front_end(card)
        if not card.raw_input:
            raise InputError(f"{path} takes prepared windows: convert it with --io raw")
        write_wasm_model(path, folder / f"{name}.wasm", on_progress)
        on_progress(0.7, f"answers of {name} to the test windows")
        write_bench(path, name, folder)
    for file in BUILT.iterdir():
        write_bytes(folder / file.name, file.read_bytes())
    write_text(folder / "models.txt", "\n".join(names))
