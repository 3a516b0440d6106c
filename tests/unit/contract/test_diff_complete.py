"""Nothing that binds who sends or receives messages changes unreported: one mutation at a time of a rich contract."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.diff import Change, Effect, compare
from ccms_ws.contract.namespaces import WSDL, XSD, q
from ccms_ws.errors import ContractError

NONE, FINE, BREAKS = Effect.NONE, Effect.COMPATIBLE, Effect.BREAKING

BASE = Path(__file__).with_name("rich.wsdl").read_text("utf-8")

Change3 = tuple[Effect, Effect, Effect]  # on a client, who sends, who receives
STRICTER_IN, LOOSER_IN, BOTH = (BREAKS, BREAKS, FINE), (FINE, FINE, BREAKS), (BREAKS, BREAKS, BREAKS)
STRICTER_OUT, LOOSER_OUT = (FINE, BREAKS, FINE), (BREAKS, FINE, BREAKS)

MUTATIONS: dict[str, tuple[str, str, str, Change3]] = {
    # bindings
    "soapAction": ('soapAction="urn:d:Op"', 'soapAction="urn:d:Other"', "@soapAction is urn:d:Other", BOTH),
    "style": ('soapAction="urn:d:Op" style="document"', 'soapAction="urn:d:Op" style="rpc"', "@style is rpc", BOTH),
    "use": (
        '<soap:body use="literal" parts="p"',
        '<soap:body use="encoded" parts="p"',
        "input/body @use is encoded",
        BOTH,
    ),
    "transport": ("soap/http", "soap/smtp", "@transport is", BOTH),
    "a header is gone": (
        '<soap:header message="t:H" part="h" use="literal"/>',
        "",
        "header Head was removed",
        LOOSER_IN,
    ),
    "a header is new in the answer": (
        '<w:output name="Out"><soap:body',
        '<w:output name="Out"><soap:header message="t:H" part="h"/><soap:body',
        "output/header Head was added",
        STRICTER_OUT,
    ),
    "an extension": ("<soap:binding", '<x xmlns="urn:x"/><soap:binding', "extension x was added", BOTH),
    "no policy any more": ("#Signed", "#Other", "leads to is nothing", BOTH),
    "an XPath is signed": ("<sp:XPath>/a<", "<sp:XPath>/b<", "XPath /b was added", STRICTER_IN),
    "the action": ('wsam:Action="urn:d:in"', "", "the action of its input is urn:d:Op, it was urn:d:in", BOTH),
    "the default action": (
        'name="Out" message',
        'name="Answer" message',
        "the action of its output is urn:d:P:Answer",
        BOTH,
    ),
    "one-way": ('<w:output name="Out" message="t:O"/>', "", "it has no output any more", BOTH),
    "a fault is gone": ('<w:fault name="Bad" message="t:F"/>', "", "it has no fault Bad any more", (FINE, FINE, FINE)),
    # elements
    "nillable": ('nillable="false"', 'nillable="true"', "Amount may now be nil", LOOSER_IN),
    "default": ('default="none"', 'default="other"', 'Note: its default is "other", it was "none"', BOTH),
    "no default": (' default="none"', "", 'Note: its default is none, it was "none"', BOTH),
    "fixed": ('fixed="A" minOccurs="0"', 'fixed="B" minOccurs="0"', 'Kind: its fixed value is "B", it was "A"', BOTH),
    "no longer fixed": (' fixed="A" minOccurs', " minOccurs", 'Kind: its fixed value is none, it was "A"', LOOSER_IN),
    "a choice becomes required": (
        '<xs:choice minOccurs="0"',
        "<xs:choice",
        "the choice of Left, Right, Far became required",
        STRICTER_IN,
    ),
    "a choice once": ('maxOccurs="2"', "", "the choice of Left, Right, Far may occur at most 1 times", STRICTER_IN),
    "a choice becomes a sequence": (
        '<xs:element name="X" type="xs:int"/><xs:element name="Y" type="xs:int" minOccurs="0"/></xs:all>',
        '<xs:element name="X" type="xs:int"/><xs:element name="Y" type="xs:int" minOccurs="0"/></xs:sequence>',
        "the all of X, Y became the sequence of X, Y",
        STRICTER_IN,
    ),
    "an alternative becomes required": (
        'name="Far" type="xs:date" minOccurs="0"',
        'name="Far" type="xs:date"',
        "Far, where it is chosen, became required",
        STRICTER_IN,
    ),
    "another grouping": (
        '<xs:sequence><xs:element name="Right" type="xs:date"/><xs:element name="Far" type="xs:date" minOccurs="0"/>\n'
        "              </xs:sequence>",
        '<xs:element name="Right" type="xs:date"/><xs:element name="Far" type="xs:date" minOccurs="0"/>',
        "its elements are",
        BOTH,
    ),
    "a group of elements becomes required": (
        'ref="t:Names" minOccurs="0"',
        'ref="t:Names"',
        "First became required",
        STRICTER_IN,
    ),
    "another namespace": (
        'name="Amount" type="t:AmountT"',
        'name="Amount" form="unqualified" type="t:AmountT"',
        "Amount is now in no namespace",
        BOTH,
    ),
    "no longer abstract": (
        'type="t:ShapeT" abstract="true"',
        'type="t:ShapeT"',
        "Shape may now stand for Shape",
        LOOSER_IN,
    ),
    "no substitute": (' substitutionGroup="t:Shape"', "", "Circle may no longer stand for Shape", STRICTER_IN),
    "blocked": (
        'type="t:ShapeT" abstract="true"',
        'type="t:ShapeT" abstract="true" block="substitution"',
        "Circle may no longer stand for Shape",
        STRICTER_IN,
    ),
    "no derived type": (
        'block="extension"',
        'block="#all"',
        "Last no longer allows a derived one in its place (restriction)",
        STRICTER_IN,
    ),
    "a substitute's content": (
        'name="X" type="xs:int"',
        'name="X" type="xs:short"',
        "its values are xs:short",
        STRICTER_IN,
    ),
    # types
    "an abstract type": ('name="CircleT"', 'name="CircleT" abstract="true"', "its type became abstract", STRICTER_IN),
    "text between elements": (
        '<xs:complexType mixed="true">',
        "<xs:complexType>",
        "text between its elements is no longer",
        STRICTER_OUT,
    ),
    "text between the elements of a request": (
        'name="CircleT"',
        'name="CircleT" mixed="true"',
        "text between its elements is now allowed",
        LOOSER_IN,
    ),
    "another base": ('<xs:extension base="t:BaseT">', '<xs:extension base="t:UnusedT">', "Id was removed", BOTH),
    "a wildcard's namespace": (
        'namespace="##other"',
        'namespace="##any"',
        "other elements are of the namespace ##any",
        LOOSER_IN,
    ),
    "a wildcard's validation": (
        'namespace="##other" processContents="lax"',
        'namespace="##other"',
        "other elements are validated: strict",
        STRICTER_IN,
    ),
    "a wildcard's number": (
        'maxOccurs="5"',
        'maxOccurs="6"',
        "the place for other elements may occur at most 6",
        LOOSER_IN,
    ),
    "other attributes": (
        'namespace="urn:x urn:y"',
        'namespace="urn:x"',
        "other attributes are of the namespace urn:x",
        STRICTER_IN,
    ),
    "no other attributes": (
        '<xs:anyAttribute namespace="urn:x urn:y" processContents="lax"/>',
        "",
        "other attributes are no longer allowed",
        STRICTER_IN,
    ),
    # attributes
    "a prohibited attribute": ('default="en"', 'use="prohibited"', "the attribute lang was removed", STRICTER_IN),
    "a required attribute": (
        'name="item" type="xs:NCName"',
        'name="item" type="xs:NCName" use="required"',
        "the attribute item became required",
        STRICTER_IN,
    ),
    "an attribute's default": (
        'type="xs:boolean" default="false"',
        'type="xs:boolean" default="true"',
        'the attribute mark: its default is "true"',
        BOTH,
    ),
    "an attribute's fixed value": ('fixed="1"', 'fixed="2"', 'the attribute version: its fixed value is "2"', BOTH),
    "an attribute's form": (' form="qualified"', "", "the attribute either was added", (FINE, FINE, FINE)),
    # values
    "items of a list": ('itemType="t:KindT"', 'itemType="xs:string"', "its list of codes was opened", LOOSER_IN),
    "a union of fewer": ("t:KindT xs:int", "t:KindT", "its values are a union of xs:string", BOTH),
    "white space": ('<xs:whiteSpace value="collapse"/>', "", "its whiteSpace is gone", BOTH),
    "a longer text": ('<xs:maxLength value="9"/>', '<xs:maxLength value="10"/>', "its maxLength is 10", LOOSER_IN),
    "a wider type": ('name="Left" type="xs:int"', 'name="Left" type="xs:long"', "its values are xs:long", LOOSER_IN),
    # constraints
    "a key": ('xpath="@id"', 'xpath="@name"', "the constraint ItemKey is key", BOTH),
    "a new constraint": (
        "</xs:keyref>",
        '</xs:keyref><xs:unique name="New"><xs:selector xpath="t:Note"/><xs:field xpath="."/></xs:unique>',
        "the constraint New is unique",
        STRICTER_IN,
    ),
    # not on the wire
    "an unused type": (
        'name="Z" type="xs:string"',
        'name="Z" type="xs:int"',
        "element Z @type is xs:int",
        (NONE, NONE, NONE),
    ),
    "the name of a part": (
        '<w:part name="p" element="t:Res"/>',
        '<w:part name="q" element="t:Res"/>',
        "part q was added",
        (NONE, NONE, NONE),
    ),
    "the name of a binding's input": (
        '<w:input name="In"><soap:header',
        "<w:input><soap:header",
        "input In was removed",
        (NONE, NONE, NONE),
    ),
}


def changes(folder: Path, old: str, new: str) -> list[Change]:
    for name, text in (("old", old), ("new", new)):
        (folder / f"{name}.wsdl").write_text(text, encoding="utf-8")
    return compare(str(folder / "old.wsdl"), str(folder / "new.wsdl"))


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_is_reported_for_who_sends_and_who_receives(name: str, tmp_path: Path) -> None:
    before, after, words, effects = MUTATIONS[name]
    assert BASE.count(before) == 1, f"{before!r} stands {BASE.count(before)} times"
    new = BASE.replace(before, after)
    if name == "a choice becomes a sequence":
        new = new.replace("<xs:all>", "<xs:sequence>")
    found = changes(tmp_path, BASE, new)
    said = [each for each in found if words in each.what]
    assert said, [f"{each.where}: {each.what}" for each in found]
    assert effects in {(each.effect, each.sender, each.receiver) for each in said}, said


def test_an_occurrence_that_is_no_number_is_reported_too(tmp_path: Path) -> None:
    (change,) = changes(tmp_path, BASE, BASE.replace('maxOccurs="9"', 'maxOccurs="many"'))
    assert change.what == "Item may occur at most 1 times"


def test_documentation_is_no_change(tmp_path: Path) -> None:
    new = BASE.replace("Words.", "Other words.").replace("<xs:key ", "<!-- a comment --><xs:key ")
    new = new.replace("<w:types>", "<w:documentation>What it is.</w:documentation><w:types>")
    new = new.replace('version="1.0"', 'version="1.1" id="schema"').replace(' nillable="false"', "")
    assert changes(tmp_path, BASE, new) == []


# -- everything --------------------------------------------------------------------------------------------------------
DOCUMENTATION = (q(XSD, "annotation"), q(WSDL, "documentation"))
IMPORTS = (q(XSD, "import"), q(WSDL, "import"))
"""They say in which files declarations are. The declarations are compared, wherever they are."""
VERSION = (q(XSD, "schema"), "version")
"""It names the version of the document, as documentation does."""

VALUES = {
    "minOccurs": "7", "maxOccurs": "8", "use": "prohibited", "form": "qualified", "nillable": "true",
    "mixed": "true", "abstract": "true", "elementFormDefault": "unqualified", "attributeFormDefault": "qualified",
    "blockDefault": "#all",
    "processContents": "skip", "block": "restriction", "final": "extension",
}  # fmt: skip


def mutated(element: _Element, attribute: str) -> str:
    """Another value for an attribute: an allowed one where only few are."""
    value = element.get(attribute, "")
    other = VALUES.get(attribute.rpartition("}")[2], f"{value}X")
    return {"true": "false", "qualified": "unqualified"}.get(value, f"{value}X") if other == value else other


def every_mutation(root: _Element) -> Iterator[tuple[str, _Element]]:
    """The contract with one attribute changed or taken away, or one element taken away; each of each."""
    tree = root.getroottree()
    for element in root.iter("*"):
        path = tree.getelementpath(element)
        if any(each.tag in (*DOCUMENTATION, *IMPORTS) for each in (element, *element.iterancestors())):
            continue
        for attribute in map(str, element.attrib):
            if (element.tag, attribute) == VERSION:
                continue
            for value in (mutated(element, attribute), None):
                copy = deepcopy(root)
                other = copy.getroottree().find(path) if path != "." else copy
                assert other is not None
                if value is None:
                    del other.attrib[attribute]
                else:
                    other.set(attribute, value)
                yield f"{path} @{attribute} {'removed' if value is None else value}", copy
        if element is not root:
            copy = deepcopy(root)
            other = copy.getroottree().find(path)
            parent = None if other is None else other.getparent()
            assert other is not None
            assert parent is not None
            parent.remove(other)
            yield f"{path} removed", copy


SAME = {"nillable", "attributeFormDefault", "blockDefault", "abstract", "mixed", "use"}
"""Attributes of the base contract that say what is said by default anyway: to take them away changes nothing."""


def unreported(
    mutations: Iterator[tuple[str, _Element]], compared: Callable[[_Element], list[Change]]
) -> tuple[int, list[str]]:
    """How many mutations there were, and those that no change was reported for."""
    count, missed = 0, []
    for name, copy in mutations:
        count += 1
        try:
            if not compared(copy):
                missed.append(name)
        except ContractError:
            continue  # what is no contract any more is refused
    return count, missed


def test_every_change_of_a_contract_is_reported(tmp_path: Path) -> None:
    root = etree.fromstring(BASE)
    count, missed = unreported(
        every_mutation(root), lambda copy: changes(tmp_path, BASE, etree.tostring(copy).decode())
    )
    assert count > 500
    assert [name for name in missed if not name.endswith(tuple(f"@{each} removed" for each in SAME))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", ["xsd/exchange/FCC807-1.0.xsd", "wsdl/FCC807-1.0.wsdl", "wsdl/FCC807-1.0-service.wsdl"]
)
def test_every_change_of_our_own_contract_is_reported(tmp_path: Path, file: str) -> None:
    """One in so many mutations, for time; which ones depends on the file alone."""
    for kind in ("xsd", "wsdl"):
        shutil.copytree(catalog.folder(kind), tmp_path / kind)
    old, path = catalog.wsdl_path("FCC807-1.0-service.wsdl"), tmp_path / file
    every = list(every_mutation(etree.fromstring(path.read_bytes())))

    def compared(copy: _Element) -> list[Change]:
        path.write_bytes(etree.tostring(copy))
        return compare(str(old), str(tmp_path / "wsdl" / old.name))

    count, missed = unreported(iter(every), compared)
    assert count >= 20
    assert missed == []
