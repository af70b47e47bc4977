"""Where a search keeps its trials: an SQLite file, a PostgreSQL data base, or a journal file."""

from __future__ import annotations

import re
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ckseq.errors import CallError, DataError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_FIX = "name an SQLite file (sqlite:///study.db), a data base (postgresql://...) or a journal (journal:///study.log)"
_ANOTHER = "name another with --storage"
_ATTEMPTS = 5
# how long a process waits while another one writes
_LOCKED_S = 60


def load_optuna() -> ModuleType:
    """Import Optuna, which is an extra, without its talk.

    Raises
    ------
    CallError
        It is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        raise CallError("searching needs the package optuna", fix="pip install 'ckseq[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def open_storage(url: str) -> BaseStorage:
    """Open the place where trials are kept; a file is made where it is missing.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH``, ``postgresql://...``, ``journal:///PATH`` (for network drives, where SQLite cannot lock),
        or the path of a file that ends in ``.db`` or ``.log``.

    Raises
    ------
    CallError
        It names none of these, or a driver is missing.
    DataError
        It cannot be reached, or is something else.
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
            raise DataError(f"the storage cannot be made: {error.strerror}", path, _ANOTHER) from None
    return _data_base(url, without_password(given))


def without_password(url: str) -> str:
    """Return a URL that may be shown.

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
    if scheme in ("postgresql", "postgres"):  # the driver that ckseq installs
        return f"postgresql+psycopg://{url.partition('://')[2]}"
    if scheme.partition("+")[0] not in ("sqlite", "postgresql", "journal") or "://" not in url:
        raise CallError("is no storage that is known", without_password(url), _FIX)
    return url


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "strerror", None) or "it is no journal of a search"
        raise DataError(f"the storage cannot be opened: {reason}", path, _ANOTHER) from None


def _data_base(url: str, shown: str) -> BaseStorage:
    from optuna.exceptions import OptunaError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    sqlite = url.startswith("sqlite")
    engine = {"connect_args": {"timeout": _LOCKED_S}} if sqlite else {"pool_pre_ping": True}
    for attempt in range(_ATTEMPTS):
        try:
            storage = RDBStorage(url, engine_kwargs=engine)
        except (ImportError, ModuleNotFoundError):
            raise CallError("the driver of that data base is missing", shown, "pip install 'ckseq[tune]'") from None
        except (SQLAlchemyError, OptunaError, RuntimeError) as error:
            # two processes that make the tables at the same time trip over each other once
            tripped = isinstance(error, IntegrityError) or "already exists" in str(error)
            if tripped and attempt + 1 < _ATTEMPTS:
                time.sleep(0.2 * (attempt + 1))
                continue
            fix = "is it running, and are name and password right?" if not sqlite else _ANOTHER
            raise DataError(f"the storage cannot be reached: {_reason(error)}", shown, fix) from None
        if sqlite:
            _lock_from_the_start(storage)
        return storage
    raise DataError("the storage cannot be reached", shown)


def _lock_from_the_start(storage: BaseStorage) -> None:
    """Let every transaction of SQLite take the lock before it reads.

    SQLite knows no lock on a row, and by default takes its lock on the first write only: two processes could both read
    that a trial waits and both take it.
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
