"""Compile the shipped models for the page: `python -m tools.page_modules`, after a change of a model or of the C."""

from convert.page.wasm_module import SHIPPED, compile_module
from edge_runtime.model.model_paths import REFERENCE_MODELS, reference_model
from tools import ROOT


def main() -> None:
    """Write the modules into the package."""
    for name in REFERENCE_MODELS:
        model = reference_model(name, "int8")
        module = SHIPPED / f"{model.stem}.wasm"
        print(f"{module.relative_to(ROOT)}: ", end="", flush=True)
        compile_module(model, module)
        print(f"{module.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
