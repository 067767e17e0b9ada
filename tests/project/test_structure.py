"""Check the plan of the tree: imports between packages and rooms, unique names, short files."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from programs import ROOT, run_program

PACKAGES = ("edge_runtime", "train", "convert")
FILES = {
    path.relative_to(ROOT): ast.parse(path.read_text())
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
# All that train may import of convert: both need TensorFlow, and Keras's layers by name.
SHARED = ("convert.keras_layers", "convert.tensorflow_setup")
HOST = {"tensorflow", "keras", "tf_keras", "sklearn", "matplotlib"}
# A room of edge_runtime imports only rooms of lower floors.
STOREYS = ("errors", "signals system", "model", "data", "bench live", "reports devices", "commands")
FLOORS = {name: floor for floor, names in enumerate(STOREYS) for name in names.split()}
# Beside the rooms: who imports them.
BESIDE = {
    "runs": {"commands", "train", "convert"},
    "cli": {"train", "convert"},
}
# Modules of `train` and `convert` that declare commands or their options.
COMMAND_MODULES = {
    "edge_runtime/cli.py",
    "convert/cli.py",
    "convert/page/page_command.py",
    "train/cli.py",
    "train/crossval_cli.py",
    "train/training_options.py",
}
# Modules that print although they are not commands.
PRINTING_FOR_NOW = {
    "edge_runtime/data/evaluation_data.py",
    "edge_runtime/data/recording_checks.py",
    "train/cross_validation.py",
    "train/run/training.py",
    "train/training_data.py",
}
# Lines of modules that hold more than one idea.
LONGEST = {
    "edge_runtime/data/layout.py": 331,
    "edge_runtime/data/recording_checks.py": 302,
    "edge_runtime/data/sample_files.py": 370,
}


def imports(*nodes: ast.AST) -> set[str]:
    """The dotted names that import statements among `nodes` and below them name."""
    found = set()
    for node in (x for top in nodes for x in ast.walk(top)):
        if isinstance(node, ast.Import):
            found |= {x.name for x in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{x.name}" for x in node.names}
    return found


def on_load(tree: ast.Module) -> set[str]:
    """Find the imports that loading the module runs."""
    return imports(*(x for x in tree.body if not isinstance(x, ast.FunctionDef | ast.ClassDef | ast.If)))


def room(path: Path) -> str:
    """The room of edge_runtime, or the other package, that the module at `path` is in."""
    return path.parts[1].removesuffix(".py") if path.parts[0] == "edge_runtime" else path.parts[0]


def arrows() -> Iterator[tuple[Path, str, str]]:
    """Each import of a room: the file, its room and the imported one."""
    for path, tree in FILES.items():
        for name in imports(tree):
            package, *rest = name.split(".")
            if package in PACKAGES:
                yield path, room(path), rest[0] if package == "edge_runtime" and rest else package


def test_train_and_convert_do_not_know_each_other_nor_edge_runtime_them():
    for path, tree in FILES.items():
        others = {"train", "convert", "har_edge"} - {path.parts[0]}
        for name in imports(tree):
            is_shared = path.parts[0] == "train" and name.startswith(SHARED)
            assert is_shared or name.partition(".")[0] not in others, path


def test_what_train_shares_with_convert_imports_nothing_else_of_it():
    for name in SHARED:
        tree = FILES[Path(f"{name.replace('.', '/')}.py")]
        assert not [x for x in imports(tree) if x.startswith("convert.")], name


def test_a_room_imports_rooms_of_a_lower_floor_only():
    wrong = [
        f"{path} imports {other}"
        for path, own, other in arrows()
        if own in FLOORS and other in FLOORS and own != other and FLOORS[other] >= FLOORS[own]
    ]
    assert not wrong


def test_what_is_in_no_room_is_imported_by_those_who_may():
    wrong = [
        f"{path} imports {other}"
        for path, own, other in arrows()
        if other in BESIDE and own != other and own not in BESIDE[other] and path.name != "__main__.py"
    ]
    assert not wrong
    rooms = {room(x) for x in FILES if x.parts[0] == "edge_runtime"} - {"__init__", "__main__"}
    assert rooms == FLOORS.keys() | BESIDE.keys()


def test_modules_import_each_other_in_no_circle():
    """Nor inside functions, but for types."""
    modules = {".".join(x.with_suffix("").parts): x for x in FILES if x.name != "__init__.py"}
    graph = {
        name: {
            y
            for x in imports(*(x for x in FILES[path].body if not isinstance(x, ast.If)))
            for y in (x, x.rpartition(".")[0])
        }
        & (modules.keys() - {name})
        for name, path in modules.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_no_module_of_a_device_loads_what_the_host_alone_has():
    for path, tree in FILES.items():
        if path.parts[0] == "edge_runtime":
            assert not HOST & {x.partition(".")[0] for x in on_load(tree)}, path


def test_no_string_of_edge_runtime_names_a_module_of_train_or_convert():
    """Names of commands, such as `convert`, are not dotted."""
    modules = {".".join(path.with_suffix("").parts) for path in FILES if path.parts[0] != "edge_runtime"}
    strings = {
        (path.as_posix(), node.value)
        for path, tree in FILES.items()
        for node in ast.walk(tree)
        if path.parts[0] == "edge_runtime" and isinstance(node, ast.Constant)
    }
    offenders = {path for path, text in strings if text in modules}
    assert offenders <= {"edge_runtime/bench/c_library.py"}


def test_only_commands_reports_and_displays_print():
    printing = {"commands", "reports", "display"}
    offenders = {x.as_posix() for x, tree in FILES.items() if "click" in imports(tree) and not printing & {*x.parts}}
    assert offenders <= PRINTING_FOR_NOW | COMMAND_MODULES


def test_a_file_is_one_idea():
    lengths = {path.as_posix(): len((ROOT / path).read_text().splitlines()) for path in FILES}
    assert not [path for path, n in lengths.items() if n > LONGEST.get(path, 300)]


def test_make_builds_the_app_again_only_when_something_has_changed(tmp_path):
    apk = tmp_path / "app.apk"
    apk.touch()
    make = ("make", "--dry-run", "android", f"APK={apk}")
    assert "build_app" not in run_program(*make, cwd=ROOT).stdout
    changed = "android_demo/app/src/main/AndroidManifest.xml"
    assert "build_app" in run_program(*make, "--what-if", changed, cwd=ROOT).stdout
