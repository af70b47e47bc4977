"""The Facial Action Coding System (FACS): action units, where each is seen, and what emotions are made of.

Names and regions: Ekman, Friesen and Hager, Facial Action Coding System (2002).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from typing import Literal, NamedTuple

from ckseq.errors import DataError

Region = Literal["brow", "lids", "nose", "cheeks", "mouth", "chin"]
REGIONS: tuple[Region, ...] = ("brow", "lids", "nose", "cheeks", "mouth", "chin")

NEUTRAL = "0"
"""The code of a face without any action unit."""

INTENSITIES = "ABCDE"
_CODE = re.compile(r"[LR]?(?P<unit>[0-9]{1,2})(?P<intensity>[A-Ea-e]?)")


class ActionUnit(NamedTuple):
    """A coded action unit: its FACS number as text, and its intensity, 1 (A, trace) to 5 (E, maximum), if coded."""

    unit: str
    intensity: int | None = None


class UnitFacts(NamedTuple):
    """The name of an action unit, and the regions of the face where it is seen, the main one first."""

    name: str
    regions: tuple[Region, ...]


UNITS: dict[str, UnitFacts] = {
    "1": UnitFacts("inner brow raiser", ("brow",)),
    "2": UnitFacts("outer brow raiser", ("brow",)),
    "4": UnitFacts("brow lowerer", ("brow",)),
    "5": UnitFacts("upper lid raiser", ("lids",)),
    "6": UnitFacts("cheek raiser", ("cheeks", "lids")),
    "7": UnitFacts("lid tightener", ("lids",)),
    "9": UnitFacts("nose wrinkler", ("nose", "brow", "mouth")),
    "10": UnitFacts("upper lip raiser", ("mouth", "nose")),
    "11": UnitFacts("nasolabial deepener", ("cheeks", "nose")),
    "12": UnitFacts("lip corner puller", ("mouth", "cheeks")),
    "13": UnitFacts("sharp lip puller", ("mouth", "cheeks")),
    "14": UnitFacts("dimpler", ("mouth",)),
    "15": UnitFacts("lip corner depressor", ("mouth", "chin")),
    "16": UnitFacts("lower lip depressor", ("mouth", "chin")),
    "17": UnitFacts("chin raiser", ("chin", "mouth")),
    "18": UnitFacts("lip pucker", ("mouth",)),
    "20": UnitFacts("lip stretcher", ("mouth",)),
    "22": UnitFacts("lip funneler", ("mouth",)),
    "23": UnitFacts("lip tightener", ("mouth",)),
    "24": UnitFacts("lip presser", ("mouth",)),
    "25": UnitFacts("lips part", ("mouth",)),
    "26": UnitFacts("jaw drop", ("mouth", "chin")),
    "27": UnitFacts("mouth stretch", ("mouth", "chin")),
    "28": UnitFacts("lips suck", ("mouth",)),
    "29": UnitFacts("jaw thrust", ("chin",)),
    "30": UnitFacts("jaw sideways", ("chin",)),
    "31": UnitFacts("jaw clencher", ("chin",)),
    "32": UnitFacts("bite", ("mouth",)),
    "33": UnitFacts("blow", ("cheeks",)),
    "34": UnitFacts("puff", ("cheeks",)),
    "35": UnitFacts("cheek suck", ("cheeks",)),
    "36": UnitFacts("tongue bulge", ("cheeks",)),
    "37": UnitFacts("lip wipe", ("mouth",)),
    "38": UnitFacts("nostril dilator", ("nose",)),
    "39": UnitFacts("nostril compressor", ("nose",)),
    "43": UnitFacts("eye closure", ("lids",)),
    "45": UnitFacts("blink", ("lids",)),
    "46": UnitFacts("wink", ("lids",)),
}


class Prototype(NamedTuple):
    """What an emotion is made of.

    ``cores`` are alternatives: a face shows the emotion only if it has all units of one of them. ``units`` are all that
    the emotion's prototypes consist of.
    """

    cores: tuple[frozenset[str], ...]
    units: tuple[str, ...]


def _prototype(cores: str, units: str) -> Prototype:
    return Prototype(tuple(frozenset(core.split("+")) for core in cores.split()), tuple(units.split()))


PROTOTYPES: dict[str, Prototype] = {
    "anger": _prototype("23 24", "4 5 7 17 23 24"),
    "contempt": _prototype("14", "12 14"),
    "disgust": _prototype("9 10", "9 10 16 17 25 26"),
    "fear": _prototype("1+2+4 1+2+5 5+20", "1 2 4 5 20 25 26 27"),
    "happiness": _prototype("12", "6 12 25"),
    "sadness": _prototype("1+4+15 6+15 11", "1 4 6 11 15 17"),
    "surprise": _prototype("1+2 5", "1 2 5 25 26 27"),
}
"""By emotion. The cores are the criteria of CK+ (Lucey et al. 2010, table 1) without those of intensity; where the
prototypes and major variants of the FACS Investigator's Guide (Ekman, Friesen and Hager 2002, table 10-1) are wider,
these hold: anger with lip tightener or lip presser (CK+: both), fear also as 5+20. Contempt: Matsumoto and Ekman 2004.
"""


def unit_order(units: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct units by number.

    >>> unit_order(["12", "1", "4", "1"])
    ('1', '4', '12')
    """
    return tuple(sorted(set(units), key=int))


def contradiction(emotion: str, units: Set[str]) -> str:
    """Return what speaks against an emotion in a face with these units; empty where nothing does, or nobody knows.

    >>> contradiction("happiness", {"6", "25"})
    'happiness without AU 12'
    >>> contradiction("fear", {"1", "2"})
    'fear without AU 1+2+4, 1+2+5 or 5+20'
    >>> contradiction("surprise", {"1", "2", "26"}), contradiction("boredom", set())
    ('', '')
    """
    prototype = PROTOTYPES.get(emotion)
    if prototype is None or any(core <= units for core in prototype.cores):
        return ""
    *most, last = ("+".join(unit_order(core)) for core in prototype.cores)
    return f"{emotion} without AU {', '.join(most)}{' or ' if most else ''}{last}"


def parse_codes(text: str, where: str) -> tuple[ActionUnit, ...]:
    """Return the units of a FACS code as coders write it; 0 alone is a face without any.

    Parameters
    ----------
    text : str
        As ``1+2C+L12`` or ``1 2 12``. The side, L or R, is dropped.
    where : str
        Where it stands, for the message.

    Raises
    ------
    DataError
        It is no FACS code.

    Examples
    --------
    >>> parse_codes("12+1+2C", "")
    (ActionUnit(unit='1', intensity=None), ActionUnit(unit='2', intensity=3), ActionUnit(unit='12', intensity=None))
    """
    pairs = []
    for part in re.split(r"[\s+,;]+", text.strip()):
        found = _CODE.fullmatch(part)
        if not found:
            raise DataError(f"{part[:20]!r} is no action unit", where, "write FACS codes such as 1+2C+12; 0 is none")
        level = found["intensity"].upper()
        pairs.append((int(found["unit"]), INTENSITIES.index(level) + 1 if level else None))
    return in_unit_order(pairs)


def in_unit_order(pairs: Iterable[tuple[int, int | None]]) -> tuple[ActionUnit, ...]:
    """Return units by number, each once with its highest intensity, without the code of a neutral face.

    >>> in_unit_order([(12, 2), (1, None), (12, 4), (0, None)])
    (ActionUnit(unit='1', intensity=None), ActionUnit(unit='12', intensity=4))
    """
    highest: dict[int, int] = {}
    for number, intensity in pairs:
        highest[number] = max(highest.get(number, 0), intensity or 0)
    return tuple(
        ActionUnit(str(number), level or None) for number, level in sorted(highest.items()) if str(number) != NEUTRAL
    )
