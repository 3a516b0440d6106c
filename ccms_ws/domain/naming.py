"""When two spellings are one name: letter case, diacritics, hyphens, apostrophes and spacing make no difference."""

from __future__ import annotations

import unicodedata

from ccms_ws.domain.courts import PersonName


def name_key(text: str) -> str:
    """`text` reduced to what decides: "O'Brien-Núñez" and "OBRIEN NUNEZ" have the same key, "OBRIENNUNEZ"."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if char.isalnum()).upper()


def same_name(asked: PersonName, on_file: PersonName) -> bool:
    """True if `asked` can mean `on_file`: the surname agrees, and every other part that both have."""
    if name_key(asked.surname) != name_key(on_file.surname):
        return False
    if asked.given and name_key(asked.given) != name_key(on_file.given):
        return False
    rest = ((asked.middle, on_file.middle), (asked.suffix, on_file.suffix))
    return all(_same_part(name_key(mine), name_key(theirs)) for mine, theirs in rest if mine and theirs)


def _same_part(one: str, other: str) -> bool:
    """An initial stands for the whole."""
    return one == other or (min(len(one), len(other)) == 1 and one[:1] == other[:1])
