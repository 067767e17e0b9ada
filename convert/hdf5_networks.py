"""Read the description of a network in an HDF5 file of Keras, none of whose parts may lie elsewhere."""

import io
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import read_bytes
from edge_runtime.system.zip_archive import MAX_UNPACKED

MAGIC = b"\x89HDF"
_MOST_OBJECTS = 100_000  # groups and tensors; a network of 1000 layers has 10,000
_BROKEN = (OSError, ValueError, KeyError, RuntimeError, TypeError)  # what h5py raises of damaged files


class Hdf5Network:
    """The `content` of the HDF5 file at `path`, and the `description` of the network in it, as JSON.

    Raises `InputError` when it is damaged, has parts in other files, or holds no network.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = read_bytes(path, "a trained network")
        try:
            self.description = self._read()
        except _BROKEN as error:
            raise InputError(f"{path} is a damaged HDF5 file ({error}): copy it again") from error

    def _read(self) -> bytes:
        import h5py

        with h5py.File(io.BytesIO(self.content), "r") as file:
            self._check_objects(file)
            description = file.attrs.get("model_config")
            if description is None:
                raise InputError(
                    f"{self.path} holds weights without their network: build it in Python, call its load_weights, and "
                    "save it whole, as a .keras file"
                )
        return description if isinstance(description, bytes) else str(description).encode()

    def _check_objects(self, file: Any) -> None:
        """Refuse what leads out of the file; each object is looked at once, however many links it has."""
        import h5py

        n_bytes = 0
        waiting, seen = [file], {h5py.h5o.get_info(file["/"].id).addr}
        while waiting:
            group = waiting.pop()
            for name in group:
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise InputError(f"{self.path} refers to other places ({name!r}): a network has all in its file")
                part = group[name]
                address = h5py.h5o.get_info(part.id).addr
                if address in seen:
                    continue
                seen.add(address)
                n_bytes += getattr(part, "nbytes", 0)
                if isinstance(part, h5py.Group):
                    waiting.append(part)
                elif part.external or part.is_virtual:
                    raise InputError(f"{self.path} has tensors in other files ({name!r}): a network has all in its own")
                if len(seen) > _MOST_OBJECTS or n_bytes > MAX_UNPACKED:
                    raise InputError(f"{self.path} has more or larger parts than any network: give another file")
