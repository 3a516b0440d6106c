"""A partner's WSDL is taken in whole: references local, hashes pinned, nothing fetched that was not named."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import q
from ccms_ws.contract.pins import LOCK, check_pins, pin_problems, write_pinned
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.contract.wsdl_check import check_wsdl
from ccms_ws.contract.wsdl_import import gather
from ccms_ws.errors import ConfigError, ContractError, ContractMissing
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903

BATCH = q(COL903, "CollectionBalanceUpdateBatch")
DAY = date(2026, 11, 20)
PARTNER = "https://partner.example/services/COL903"


class Web:
    """Addresses and what is at them; remembers what was asked for."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        try:
            return self.pages[url]
        except KeyError:
            raise ContractMissing(f"{url} answers 404") from None


def partner_files(folder: Path) -> Path:
    """The asynchronous WSDL for COL903 as a partner might hand it over, with all its schemas."""
    for kind in ("xsd", "wsdl"):
        shutil.copytree(catalog.folder(kind), folder / kind)
    return folder / "wsdl" / "partner" / "COL903-1.0.wsdl"


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def imported(wsdl: Path, folder: Path) -> Path:
    gathering = gather(str(wsdl))
    write_pinned(gathering, folder, DAY)
    return folder / gathering.entry


# -- files -------------------------------------------------------------------------------------------------------------
def test_everything_that_the_wsdl_refers_to_comes_along(tmp_path: Path) -> None:
    entry = imported(partner_files(tmp_path / "given"), tmp_path / "partner")
    wsdl = load_wsdl(entry)
    assert wsdl.operations["SubmitCollectionBalanceUpdateBatch"].input == BATCH
    assert {path.parent for path in wsdl.files} == {tmp_path / "partner"}
    assert {path.name for path in wsdl.files} | {LOCK} == {path.name for path in (tmp_path / "partner").iterdir()}
    assert list(pin_problems(entry.parent)) == []


def test_two_files_of_one_name_stay_two(tmp_path: Path) -> None:
    wsdl = partner_files(tmp_path / "given")
    shutil.copy(tmp_path / "given/xsd/extension.xsd", tmp_path / "given/xsd/niem/extension.xsd")
    schema = tmp_path / "given/xsd/exchange/COL903-1.0.xsd"
    changed(schema, '"../niem/niem-xsd.xsd"', '"../niem/extension.xsd"')
    names = gather(str(wsdl)).files
    assert {"extension.xsd", "extension-2.xsd"} <= set(names)


def test_a_wsdl_that_is_not_there_is_named() -> None:
    with pytest.raises(ContractMissing, match=r"^nofile\.wsdl: it is not there$"):
        gather("nofile.wsdl")


def test_what_is_not_there_is_missing_and_nothing_is_written(tmp_path: Path) -> None:
    wsdl = partner_files(tmp_path / "given")
    changed(wsdl, "../../xsd/exchange/COL903-1.0.xsd", "COL903-partner.xsd")
    changed(wsdl, 'namespace="urn:ccms-ws:exchange:COL903:1.0"', 'namespace="urn:partner:types"')
    gathering = gather(str(wsdl))
    (missing,) = gathering.missing
    assert (missing.file, missing.reference, missing.why) == (gathering.entry, "COL903-partner.xsd", "it is not there")
    with pytest.raises(ContractMissing):
        write_pinned(gathering, tmp_path / "partner", DAY)
    assert not (tmp_path / "partner").exists()


def test_a_schema_of_this_project_need_not_be_handed_over(tmp_path: Path) -> None:
    wsdl = changed(partner_files(tmp_path / "given"), "../../xsd/exchange/COL903-1.0.xsd", "lost.xsd")
    gathering = gather(str(wsdl))
    assert gathering.missing == []
    assert len(gathering.files) > 5


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("no xml", "not well-formed"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "document type"),
    ],
)
def test_what_is_no_plain_xml_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "evil.wsdl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ContractError, match=complaint):
        gather(str(path))


# -- the network -------------------------------------------------------------------------------------------------------
def remote_wsdl(schema: str) -> bytes:
    text = catalog.wsdl_path("partner/COL903-1.0.wsdl").read_text("utf-8")
    text = text.replace('namespace="urn:ccms-ws:exchange:COL903:1.0"', 'namespace="urn:partner:types"')
    return text.replace("../../xsd/exchange/COL903-1.0.xsd", schema).encode()


TYPES = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:partner:types"/>'


def test_nothing_is_fetched_that_was_not_named(tmp_path: Path) -> None:
    path = tmp_path / "service.wsdl"
    path.write_bytes(remote_wsdl(f"{PARTNER}?xsd=types.xsd"))
    web = Web()
    (missing,) = gather(str(path), named=["https://other.example/"], fetch=web.fetch).missing
    assert web.asked == []
    assert missing.why == "it is on the network and was not named"
    assert "--fetch" in missing.advice


def test_what_was_named_is_fetched_and_led_to_the_local_file(tmp_path: Path) -> None:
    web = Web(**{f"{PARTNER}?wsdl": remote_wsdl("?xsd=types.xsd"), f"{PARTNER}?xsd=types.xsd": TYPES})
    gathering = gather(f"{PARTNER}?wsdl", named=[PARTNER], fetch=web.fetch)
    assert web.asked == [f"{PARTNER}?wsdl", f"{PARTNER}?xsd=types.xsd"]
    assert sorted(gathering.files) == ["COL903.wsdl", "types.xsd"]
    (reference,) = etree.fromstring(gathering.files["COL903.wsdl"]).iter(
        q("http://www.w3.org/2001/XMLSchema", "import")
    )
    assert reference.get("schemaLocation") == "types.xsd"
    assert gathering.sources["types.xsd"].location == f"{PARTNER}?xsd=types.xsd"


def test_an_address_that_does_not_answer_is_missing() -> None:
    web = Web(**{f"{PARTNER}?wsdl": remote_wsdl("?xsd=types.xsd")})
    (missing,) = gather(f"{PARTNER}?wsdl", named=[PARTNER], fetch=web.fetch).missing
    assert "404" in missing.why


# -- pins --------------------------------------------------------------------------------------------------------------
def test_a_file_that_was_changed_after_the_import_is_not_used(tmp_path: Path) -> None:
    entry = imported(partner_files(tmp_path / "given"), tmp_path / "partner")
    check_pins(entry)
    changed(entry.parent / "COL903-1.0.xsd", 'maxOccurs="unbounded"', 'maxOccurs="2"')
    (entry.parent / "jxdm.xsd").unlink()
    with pytest.raises(ContractError, match=r"COL903-1.0.xsd was changed.*jxdm.xsd is not there"):
        check_pins(entry)


def test_a_wsdl_without_pins_is_used_as_it_is() -> None:
    check_pins(catalog.wsdl_path("partner/COL903-1.0.wsdl"))


def test_another_import_takes_the_place_of_the_first(tmp_path: Path) -> None:
    imported(partner_files(tmp_path / "given"), tmp_path / "partner")
    other = catalog.wsdl_path("partner/DMV907-1.0.wsdl")
    entry = imported(other, tmp_path / "partner")
    assert not (tmp_path / "partner" / "COL903-1.0.wsdl").exists()
    check_pins(entry)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "partner"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        imported(catalog.wsdl_path("partner/COL903-1.0.wsdl"), folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


# -- can it be used? ---------------------------------------------------------------------------------------------------
PORT_TYPE = "urn:ccms-ws:partner:COL903:1.0:CollectionBalanceUpdates:CollectionBalanceUpdateBatch"


@pytest.mark.parametrize(
    ("old", "new", "complaint", "fatal"),
    [
        (
            'element="col903:CollectionBalanceUpdateBatch"',
            'element="col903:BatchID"',
            "no operation takes col903:Coll",
            True,
        ),
        ('element="col903:CollectionBalanceUpdateBatch"', 'type="col903:X"', "not document/literal", True),
        ("wsdl:service", "wsdl:documentation", "no port with a SOAP address", True),
        (f'wsam:Action="{PORT_TYPE}"', "", "no wsam:Action", False),
        ("soap12:address", "soap12:elsewhere", "only a SOAP 1.1 port", False),
        ('location="https://partner.example/COL903"', 'location=""', "has no address", False),
        ('use="literal"', 'use="encoded"', "its use is encoded, not literal [BP R2706]", True),
        ('style="document"', 'style="rpc"', "its style is rpc, not document [BP R2705]", True),
        ("http://schemas.xmlsoap.org/soap/http", "http://schemas.xmlsoap.org/soap/smtp", "not HTTP [BP R2702]", True),
    ],
)
def test_what_a_wsdl_lacks_is_said(tmp_path: Path, old: str, new: str, complaint: str, fatal: bool) -> None:
    wsdl = changed(partner_files(tmp_path), old, new)
    said = [each for each in check_wsdl(gather(str(wsdl)), BATCH) if complaint in each.what]
    assert said
    assert {each.fatal for each in said} == {fatal}
    assert all(each.advice for each in said)


def test_our_own_wsdls_lack_nothing_that_matters() -> None:
    for name in ("partner/COL903-1.0.wsdl", "partner/COL903-1.0-synchronous.wsdl"):
        assert not any(each.fatal for each in check_wsdl(gather(str(catalog.wsdl_path(name))), BATCH))
