"""CK+'s FACS files: on each line an action unit and its intensity, 1 to 5, or 0 where only its presence is coded."""

from __future__ import annotations

from ckseq.errors import DataError
from ckseq.facs import ActionUnit, in_unit_order

_HIGHEST_UNIT, _HIGHEST_INTENSITY = 99, 5
_FIX = "write one action unit and its intensity, 0 to 5, on each line"


def read_facs(content: bytes, where: str) -> tuple[ActionUnit, ...]:
    r"""Return the action units of a FACS file, by number.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        Its name, for the message.

    Raises
    ------
    DataError
        It holds something else, or nothing: a face without any unit has the code 0.

    Examples
    --------
    >>> read_facs(b"   1.2e+01   3.0\n   1.0   0.0\n", "")
    (ActionUnit(unit='1', intensity=None), ActionUnit(unit='12', intensity=3))
    """
    lines = [line.split() for line in content.decode("latin-1").splitlines() if line.strip()]
    if not lines:
        raise DataError("is an empty FACS file", where, _FIX)
    pairs = []
    for line in lines:
        try:
            unit, intensity = map(float, line)
        except ValueError:
            raise DataError(f"{' '.join(line)[:20]!r} is no action unit with its intensity", where, _FIX) from None
        if not (unit.is_integer() and 0 <= unit <= _HIGHEST_UNIT):
            raise DataError(f"the action unit {line[0][:20]} is not one of FACS", where, _FIX)
        if not (intensity.is_integer() and 0 <= intensity <= _HIGHEST_INTENSITY):
            raise DataError(f"the intensity {line[1][:20]} is not one of 0 to {_HIGHEST_INTENSITY}", where, _FIX)
        pairs.append((int(unit), int(intensity) or None))
    return in_unit_order(pairs)
