"""Check the structure of the tree: imports between packages and rooms, printing modules, length of files."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from programs import ROOT

PACKAGES = ("edge_runtime", "train", "convert")
FILES = {
    path.relative_to(ROOT): ast.parse(path.read_text())
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
# Train may import only these modules of convert: both packages need TensorFlow and Keras's layers by name.
SHARED = ("convert.keras_layers", "convert.tensorflow_setup")
HOST = {"tensorflow", "keras", "tf_keras", "sklearn", "matplotlib"}
# A room of edge_runtime imports only rooms of lower floors.
STOREYS = ("errors c", "signals system", "model", "data", "bench live", "reports devices", "commands")
FLOORS = {name: floor for floor, names in enumerate(STOREYS) for name in names.split()}
# Modules outside the rooms, with their importers.
BESIDE = {"runs": {"commands", "train", "convert"}, "cli": {"train", "convert"}}
# Modules of `train` and `convert` that declare commands or their options.
COMMAND_MODULES = {
    "edge_runtime/cli.py",
    "convert/cli.py",
    "convert/page/page_command.py",
    "train/cli.py",
    "train/crossval_cli.py",
    "train/search_cli.py",
    "train/training_options.py",
}


def imports(*nodes: ast.AST) -> set[str]:
    """Return the dotted names of all imports in `nodes`."""
    names = set()
    for node in (child for root in nodes for child in ast.walk(root)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def on_load(tree: ast.Module) -> set[str]:
    """Find the imports that loading the module runs."""
    return imports(*(node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If)))


def room(path: Path) -> str:
    """Return the room of edge_runtime, or the other package, that contains the module at `path`."""
    return path.parts[1].removesuffix(".py") if path.parts[0] == "edge_runtime" else path.parts[0]


def arrows() -> Iterator[tuple[Path, str, str]]:
    """Yield each import between rooms: the file, its room and the imported room."""
    for path, tree in FILES.items():
        for name in imports(tree):
            package, *rest = name.split(".")
            if package in PACKAGES:
                yield path, room(path), rest[0] if package == "edge_runtime" and rest else package


def test_train_and_convert_do_not_import_each_other_and_edge_runtime_imports_neither():
    for path, tree in FILES.items():
        others = {"train", "convert", "har_edge"} - {path.parts[0]}
        for name in imports(tree):
            is_shared = path.parts[0] == "train" and name.startswith(SHARED)
            assert is_shared or name.partition(".")[0] not in others, path


def test_the_modules_that_train_shares_with_convert_import_nothing_else_of_convert():
    for name in SHARED:
        tree = FILES[Path(f"{name.replace('.', '/')}.py")]
        assert not [imported for imported in imports(tree) if imported.startswith("convert.")], name


def test_a_room_imports_rooms_of_a_lower_floor_only():
    offenders = [
        f"{path} imports {other}"
        for path, importer, other in arrows()
        if importer in FLOORS and other in FLOORS and importer != other and FLOORS[other] >= FLOORS[importer]
    ]
    assert not offenders


def test_only_their_importers_import_the_modules_outside_the_rooms():
    offenders = [
        f"{path} imports {other}"
        for path, importer, other in arrows()
        if other in BESIDE and importer != other and importer not in BESIDE[other] and path.name != "__main__.py"
    ]
    assert not offenders
    rooms = {room(path) for path in FILES if path.parts[0] == "edge_runtime"} - {"__init__", "__main__"}
    assert rooms == FLOORS.keys() | BESIDE.keys()


def test_imports_have_no_cycles_even_inside_functions():
    """Imports for types only do not count."""
    modules = {".".join(path.with_suffix("").parts): path for path in FILES if path.name != "__init__.py"}
    graph = {
        name: {
            module
            for imported in imports(*(node for node in FILES[path].body if not isinstance(node, ast.If)))
            for module in (imported, imported.rpartition(".")[0])
        }
        & (modules.keys() - {name})
        for name, path in modules.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_no_module_of_a_device_loads_a_package_that_only_the_host_has():
    for path, tree in FILES.items():
        if path.parts[0] == "edge_runtime":
            assert not HOST & {name.partition(".")[0] for name in on_load(tree)}, path


def test_no_string_of_edge_runtime_names_a_module_of_train_or_convert():
    """Names of commands, such as `convert`, are not dotted."""
    modules = {".".join(path.with_suffix("").parts) for path in FILES if path.parts[0] != "edge_runtime"}
    strings = {
        (path.as_posix(), node.value)
        for path, tree in FILES.items()
        for node in ast.walk(tree)
        if path.parts[0] == "edge_runtime" and isinstance(node, ast.Constant)
    }
    assert not {path for path, text in strings if text in modules}


def test_only_commands_reports_and_displays_print():
    printing = {"commands", "reports", "display"}
    users = {path for path, tree in FILES.items() if "click" in imports(tree)}
    offenders = {path.as_posix() for path in users if not printing & {*path.parts}}
    assert offenders <= COMMAND_MODULES


def test_a_file_is_one_idea():
    lengths = {path.as_posix(): len((ROOT / path).read_text().splitlines()) for path in FILES}
    assert not [path for path, n in lengths.items() if n > 300]
