"""The code of a plug-in named by its path, a file or a package: read once, hashed, and executed from these bytes.

What is hashed is all that is executed: a file cannot import the files beside it, and a package imports its own modules
relatively.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from ckseq.errors import CallError
from ckseq.regular_file import is_folder, open_regular

INIT = "__init__.py"
_MOST_BYTES_OF_FILE, _MOST_BYTES_OF_PACKAGE, _MOST_FILES = 2**20, 2**26, 1000
_ROOT = ""


@dataclass(frozen=True)
class Code:
    """The code of a plug-in, not executed.

    Parameters
    ----------
    path : Path
        Absolute: of the file, or of the folder of a package.
    sha256 : str
        Of the file's bytes, or see `digest_of_package`.
    modules : mapping of str to (Path, bytes)
        The file of each module and its content, by the dotted name below the plug-in; empty of the plug-in itself.
    """

    path: Path
    sha256: str
    modules: Mapping[str, tuple[Path, bytes]]

    @property
    def name(self) -> str:
        """The name of the file, or of the folder with a slash behind it."""
        return f"{self.path.name}/" if self.is_package else self.path.name

    @property
    def is_package(self) -> bool:
        """Whether it is a folder of modules."""
        return self.modules[_ROOT][0] != self.path

    @property
    def module_name(self) -> str:
        """The name of its module: by its content, so that saved estimators find their classes, and only them, again."""
        stem = re.sub(r"[^0-9a-zA-Z]", "_", self.path.name if self.is_package else self.path.stem)
        return f"ckseq_plugin_{stem}_{self.sha256[:12]}"


def read_code(path: Path, *, where: str | None = None) -> Code:
    """Read the code of a plug-in; none of it is executed.

    Parameters
    ----------
    path : Path
        A file, or a folder with an ``__init__.py``.
    where : str, optional
        What named it, for messages.

    Raises
    ------
    CallError
        There is no such file, it is too large, or it imports what lies beside it.
    """
    path = path.absolute()
    code = _package(path) if is_folder(path) else _file(path, where)
    _check_imports(code)
    return code


def load(code: Code) -> ModuleType:
    """Execute the code of a plug-in, or return its module where that has been done.

    Raises
    ------
    CallError
        It raises an exception.
    """
    name = code.module_name
    if (known := sys.modules.get(name)) is not None:
        return known
    _FINDER.codes[name] = code
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    try:
        return importlib.import_module(name)
    except BaseException as error:
        for one in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            del sys.modules[one]
        if not isinstance(error, Exception):
            raise
        raise CallError(f"cannot be loaded: {type(error).__name__}: {error}", code.path, "correct the file") from error


def digest_of_package(folder: Path) -> str:
    """Return the SHA-256 of a package: of the lines that ``sha256sum`` prints of its files, sorted by their names.

    What begins with a dot, and the folders ``__pycache__``, are left out.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    return _digest({name: _sha256_of_file(path) for name, path in _files(folder)})


def _file(path: Path, where: str | None) -> Code:
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_BYTES_OF_FILE + 1)
    except OSError as error:
        what = "there is no such plug-in" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise CallError(what, path, f"correct the path in {where} or --set" if where else "check the path") from None
    if len(content) > _MOST_BYTES_OF_FILE:
        raise CallError(f"is larger than {_MOST_BYTES_OF_FILE >> 20} MiB", path, "name a file of Python")
    return Code(path, hashlib.sha256(content).hexdigest(), {_ROOT: (path, content)})


def _package(folder: Path) -> Code:
    if not (folder / INIT).is_file():
        raise CallError(f"is a folder without {INIT}", folder, "name a .py file, or a package whose SPEC is there")
    digests: dict[str, str] = {}
    modules: dict[str, tuple[Path, bytes]] = {}
    n_bytes = 0
    try:
        for name, path in _files(folder):
            n_bytes += path.stat().st_size
            if len(digests) == _MOST_FILES or n_bytes > _MOST_BYTES_OF_PACKAGE:
                what = f"holds more than {_MOST_FILES} files or {_MOST_BYTES_OF_PACKAGE >> 20} MiB"
                raise CallError(what, folder, "name a folder that holds the plug-in alone")
            with open_regular(path) as file:
                content = file.read()
            digests[name] = hashlib.sha256(content).hexdigest()
            if path.suffix == ".py":
                parts = name.removesuffix(".py").split("/")
                modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path, content
    except OSError as error:
        raise CallError(f"cannot be read: {error}", folder, "check its files") from None
    return Code(folder, _digest(digests), modules)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a package with their relative names; links to folders are not followed."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                path = Path(root, name)
                yield path.relative_to(folder).as_posix(), path


def _digest(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _sha256_of_file(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_imports(code: Code) -> None:
    """Refuse an import of what is not hashed: of a module beside the file or the package, even where it is found."""
    folders = {code.path.parent.resolve()} | ({code.path.resolve()} if code.is_package else set())
    for path, content in code.modules.values():
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError):
            continue  # whoever executes it says so
        for name, level in _imports(tree):
            if level and not code.is_package:
                raise CallError(f"imports {'.' * level}{name}, of which no SHA-256 is recorded", path, _MAKE_PACKAGE)
            if level or not _is_beside(name, folders):
                continue
            what = f"imports {name}, which lies beside it and of which no SHA-256 is recorded"
            if code.is_package:
                raise CallError(
                    what, path, f"have it in {code.name} and import it relatively, as in 'from . import ...'"
                )
            raise CallError(what, path, _MAKE_PACKAGE)


_MAKE_PACKAGE = (
    f"make it a package: a folder with both files, SPEC in its {INIT}, 'from . import ...' there; and name the folder"
)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield what a module imports: the first part of its name, and the number of dots before it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0], node.level
        elif isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], 0) for alias in node.names)


def _is_beside(name: str, folders: set[Path]) -> bool:
    if name == "ckseq":  # in a checkout it may be
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return any((folder / f"{name}.py").is_file() or (folder / name / INIT).is_file() for folder in folders)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())]
    return any(Path(place).parent in folders for place in places)


class _Loader(SourceFileLoader):
    """Loads a module from the bytes that were hashed, not from its file, which may have changed."""

    def __init__(self, name: str, path: Path, content: bytes) -> None:
        super().__init__(name, str(path))
        self._content = content

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        code: CodeType = compile(self._content, self.path, "exec", dont_inherit=True)
        return code


class _Finder(MetaPathFinder):
    """Finds the modules of plug-ins that a person has named."""

    def __init__(self) -> None:
        self.codes: dict[str, Code] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        first, _, rest = fullname.partition(".")
        if (code := self.codes.get(first)) is None:
            return None
        if rest not in code.modules:
            raise ModuleNotFoundError(f"the plug-in {code.name} has no module {rest}", name=fullname)
        file, content = code.modules[rest]
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=_Loader(fullname, file, content),
            submodule_search_locations=[str(file.parent)] if code.is_package and file.name == INIT else None,
        )


_FINDER = _Finder()
