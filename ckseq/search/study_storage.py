"""The storage of studies: an SQLite file, a PostgreSQL database, or a journal file."""

from __future__ import annotations

import re
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
# seconds that a process waits while another one writes
_LOCKED_S = 60


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


def open_storage(url: str) -> BaseStorage:
    """Open a storage; a missing file is created.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH``, ``postgresql://...``, ``journal:///PATH`` (for network drives, where SQLite cannot lock),
        or the path of a file that ends in ``.db`` or ``.log``.

    Raises
    ------
    CallError
        It is none of these, or a driver is missing.
    DataError
        It cannot be reached, or is no storage of studies.
    """
    given, url = url, _with_scheme(url)
    scheme, _, rest = url.partition("://")
    if scheme == "journal":
        return _journal(Path(rest.removeprefix("/") if not rest.startswith("//") else rest[1:]))
    if scheme == "sqlite":
        path = Path(rest.removeprefix("/"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"the storage cannot be created: {error.strerror}", path, _ANOTHER) from None
    return _database(url, without_password(given))


def without_password(url: str) -> str:
    """Return a URL that can be shown.

    >>> without_password("postgresql://ann:secret@host/studies")
    'postgresql://ann:***@host/studies'
    """
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)


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

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "strerror", None) or "it is not a journal of a study"
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
