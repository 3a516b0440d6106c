"""Changes of declarations that no other comparison has explained, so that none goes unreported."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml.etree import _Element

from ccms_ws.contract.diff.changes import Change, Effect
from ccms_ws.contract.diff.facts import Facts, differing, facts_of, in_words
from ccms_ws.contract.diff.message_changes import MessageChanges
from ccms_ws.contract.diff.schema_reader import Types
from ccms_ws.contract.qnames import readable

_NAMES = ("@type", "@base", "@itemType", "@memberTypes")
_NEUTRAL = ("@fixed", "@final", "@finalDefault", "@public", "@system")
"""Of facets and derivations; that of elements and attributes is compared as a value."""


def schema_leftovers(compared: MessageChanges) -> Iterator[Change]:
    """The changes of schema components. What no message uses has no effect; what is not understood breaks."""
    old, new, named = compared.old, compared.new, compared.named_as_before
    before = {key: facts_of(element, lambda name: name) for key, element in old.set.components.items()}
    after = {(kind, named(name)): facts_of(each, named) for (kind, name), each in new.set.components.items()}
    for key in dict.fromkeys([*before, *after]):
        where = f"{key[0]} {readable(key[1])}"
        if key not in before or key not in after:
            words = "is declared now" if key in after else "is no longer declared"
            if key not in compared.explained:
                yield Change(Effect.NONE, where, words, "no message that both contracts have needs it")
        elif key not in compared.explained and (places := differing(before[key], after[key])):
            yield _component(where, places, before[key], after[key], reached=key in compared.reached)
    yield from _schemas(old, new, named)


def _component(where: str, places: list[str], old: Facts, new: Facts, *, reached: bool) -> Change:
    words = in_words(places[0], old, new) + (f" (and {len(places) - 1} more)" if len(places) > 1 else "")
    if not reached:
        return Change(Effect.NONE, where, words, "no message uses it")
    if all(place.endswith(_NAMES) for place in places):
        return Change(Effect.NONE, where, words, "the content is the same; only xsi:type names types")
    if all(place.endswith(_NEUTRAL) for place in places):
        return Change(Effect.NONE, where, words, "it binds those who write schemas, not messages")
    why = "this comparison does not understand it: look at both declarations"
    return Change(Effect.BREAKING, where, words, why, Effect.BREAKING, Effect.BREAKING)


def _schemas(old: Types, new: Types, named: Callable[[str], str]) -> Iterator[Change]:
    """The changes of what xs:schema says for all its declarations."""
    before, after = _by_namespace(old, lambda name: name), _by_namespace(new, named)
    for namespace in before.keys() & after.keys():
        for place in differing(before[namespace], after[namespace]):
            words = in_words(place, before[namespace], after[namespace])
            yield Change(Effect.NONE, f"schema {namespace}", words, "its effects are reported with the declarations")


def _by_namespace(types: Types, named: Callable[[str], str]) -> dict[str, Facts]:
    found: dict[str, dict[str, str]] = {}
    for schema in types.set.schemas:
        namespace = named(schema.get("targetNamespace", ""))
        found.setdefault(namespace, {}).update(facts_of(schema, named, skip=_everything))
    return dict(found)


def _everything(_element: _Element) -> bool:
    return True
