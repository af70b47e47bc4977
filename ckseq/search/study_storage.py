"""The storage of studies: an SQLite file, a PostgreSQL database, or a journal file."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ckseq.errors import CallError, DataError

if TYPE_CHECKING:  # Optuna is an extra: `load_optuna` says so if it is missing
    from optuna.storages import BaseStorage

_FIX = "name an SQLite file (sqlite:///study.db), a database (postgresql://...) or a journal (journal:///study.log)"
_ANOTHER = "name another with --storage"
_ATTEMPTS = 5
# seconds that a process waits while another one writes; a line of a journal is there much sooner
_LOCKED_S, _LINE_S = 60, 2.0
_COPY = "restore a copy of it, or name another with --storage"


def load_optuna() -> ModuleType:
    """Import Optuna, which is an extra, with errors as its only log messages.

    Raises
    ------
    CallError
        It is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        raise CallError("ckseq tune needs the package optuna", fix="pip install 'ckseq[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def open_storage(url: str, *, create: bool = True) -> BaseStorage:
    """Open a storage, whose file is checked for damage before.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH``, ``postgresql://...``, ``journal:///PATH`` (for network drives, where SQLite cannot lock),
        or the path of a file that ends in ``.db`` or ``.log``.
    create : bool
        Create a missing file.

    Raises
    ------
    CallError
        It is none of these, or a driver is missing.
    DataError
        It cannot be reached, is no storage of studies, or is damaged.
    """
    given, url = url, _with_scheme(url)
    scheme, _, rest = url.partition("://")
    if scheme not in ("journal", "sqlite"):
        if rest.partition("?")[0].count("@") > 1:
            raise CallError("has more than one @", without_password(given), "write that of a password as %40")
        return _database(url, without_password(given))
    path = Path((rest.removeprefix("/") if not rest.startswith("//") else rest[1:]).partition("?")[0])
    if not create and not path.is_file():
        raise DataError("there is no such study file", path, "name that of the search with --storage")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the storage cannot be created: {error.strerror}", path, _ANOTHER) from None
    if scheme == "journal":
        return _journal(path)
    if path.is_file() and path.stat().st_size:
        _check_database(path)
    return _database(url, without_password(given))


def without_password(url: str) -> str:
    """Return a URL that can be shown: whatever may be a part of a password is left out.

    >>> without_password("postgresql://ann:sec@ret/1@host/studies")
    'postgresql://ann:***@host/studies'
    >>> without_password("postgresql://host/studies?password=secret")
    'postgresql://host/studies?password=***'
    """
    url = re.sub(r"(://[^:/]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&][a-z]*pass[a-z]*=)[^&]*", r"\1***", url, flags=re.IGNORECASE)


def _check_database(path: Path) -> None:
    """Refuse an SQLite file that is damaged, or another program's, before anything is written to it."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_LOCKED_S)
        try:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except (sqlite3.Error, ValueError) as error:
        raise DataError(f"the storage cannot be reached: {error}", path, _ANOTHER) from None
    if found != "ok":
        raise DataError(f"the storage is damaged: {found.splitlines()[-1]}", path, _COPY)
    if tables and "studies" not in tables:
        raise DataError("the storage cannot be opened: it is a database of another program", path, _ANOTHER)


def _check_journal(path: Path) -> None:
    """Refuse a journal whose last line is cut short, which Optuna passes over."""
    deadline = time.monotonic() + _LINE_S
    while True:
        with path.open("rb") as file:
            last = b"\n"
            for line in file:
                last = line
        try:
            if last.endswith(b"\n") and (last == b"\n" or isinstance(json.loads(last), dict)):
                return
        except (ValueError, RecursionError):
            pass
        if time.monotonic() > deadline:  # until then another process may be writing it
            raise DataError("the storage is damaged: its last line is cut short", path, _COPY)
        time.sleep(_LINE_S / 10)


def _with_scheme(url: str) -> str:
    if "://" not in url:
        if url.endswith(".db"):
            return f"sqlite:///{url}"
        if url.endswith(".log"):
            return f"journal:///{url}"
    scheme = url.partition("://")[0]
    if scheme in ("postgresql", "postgres"):  # with the driver that ckseq installs
        return f"postgresql+psycopg://{url.partition('://')[2]}"
    if scheme.partition("+")[0] not in ("sqlite", "postgresql", "journal") or "://" not in url:
        raise CallError("is not a known storage", without_password(url), _FIX)
    return url


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from ckseq.search.journal_lock import JournalLock

    try:
        if path.exists():
            _check_journal(path)
        return JournalStorage(JournalFileBackend(str(path), JournalLock(str(path))))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or not a journal of a study"
        raise DataError(f"the storage cannot be opened: {reason}", path, _ANOTHER) from None


def _database(url: str, shown: str) -> BaseStorage:
    from optuna.exceptions import OptunaError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    sqlite = url.startswith("sqlite")
    engine = {"connect_args": {"timeout": _LOCKED_S}} if sqlite else {"pool_pre_ping": True}
    for attempt in range(_ATTEMPTS):
        try:
            storage = RDBStorage(url, engine_kwargs=engine)
        except ValueError as error:  # of a port that is no number
            raise CallError(f"is not a known storage: {_reason(error)}", shown, _FIX) from None
        except (ImportError, ModuleNotFoundError):
            raise CallError("the driver of that database is missing", shown, "pip install 'ckseq[tune]'") from None
        except (SQLAlchemyError, OptunaError, RuntimeError) as error:
            # of two processes that create the tables at the same time, one fails once
            collided = isinstance(error, IntegrityError) or "already exists" in str(error)
            if collided and attempt + 1 < _ATTEMPTS:
                time.sleep(0.2 * (attempt + 1))
                continue
            fix = "check that it runs, and its name and password" if not sqlite else _ANOTHER
            raise DataError(f"the storage cannot be reached: {_reason(error)}", shown, fix) from None
        if sqlite:
            _lock_from_the_start(storage)
        return storage
    raise DataError("the storage cannot be reached", shown)


def _lock_from_the_start(storage: BaseStorage) -> None:
    """Make every transaction of SQLite acquire the lock before it reads.

    SQLite has no row locks, and by default acquires its lock on the first write only: two processes could both read
    that a trial waits, and both run it.
    """
    from sqlalchemy import event

    engine = storage.engine  # type: ignore[attr-defined]

    @event.listens_for(engine, "connect")
    def _(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _(connection):  # type: ignore[no-untyped-def]
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()


def _reason(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
