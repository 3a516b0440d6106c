"""Nothing is reached that was not named, however an address is written."""

from __future__ import annotations

import pytest

from ccms_ws.contract.addresses import Address
from ccms_ws.errors import ContractMissing

NAMED = "https://named.example/services/COL903"


@pytest.mark.parametrize(
    ("address", "named"),
    [
        (NAMED, NAMED),
        (f"{NAMED}?xsd=types.xsd", NAMED),
        (f"{NAMED}/types.xsd", NAMED),
        (NAMED, f"{NAMED}?"),
        ("https://named.example/x", "https://named.example"),
        ("https://named.example", "https://named.example/"),
        ("HTTPS://Named.Example:443/services/COL903", NAMED),
        ("http://[::1]:8080/a", "http://[::1]:8080/"),
        (f"{NAMED}?wsdl=1", f"{NAMED}?wsdl"),
    ],
)
def test_what_is_below_a_named_address_is_reached(address: str, named: str) -> None:
    assert Address.parse(address).begins_with(Address.parse(named))


@pytest.mark.parametrize(
    "address",
    [
        "http://named.example/services/COL903",  # another scheme
        "https://named.example:8443/services/COL903",
        "https://named.example.other/services/COL903",
        "https://other/named.example/services/COL903",
        "https://named.exampl/services/COL903",
        "https://named.example./services/COL903",
        "https://named.example/services/COL903x",  # begins with the text, is no step below it
        "https://named.example/services/",
        "https://other/?https://named.example/services/COL903",
        "https://other/#https://named.example/services/COL903",
    ],
)
def test_what_only_looks_like_a_named_address_is_not(address: str) -> None:
    assert not Address.parse(address).begins_with(Address.parse(NAMED))
    assert not Address.parse(f"{NAMED}?xsd=1").begins_with(Address.parse(f"{NAMED}?wsdl"))


@pytest.mark.parametrize(
    "address",
    [
        "http://named.example@other/",
        "http://named.example:80@other/",
        "http://user:secret@named.example/",
        "http://@other/",
        "http://named.example%40other/",
        "http://named.example\\@other/",
        "http://other\\.named.example/",
        "http:\\\\other/",
        "http:///other/",
        "http:other/",
        "//other/",
        "ftp://named.example/",
        "file:///etc/passwd",
        "http://named.example /",
        "http://named.example\t/",
        "http://named.example\n.other/",
        "http://named.example\u3002other/",
        "http://nam\u00e9d.example/",
        "http://named.example:0/",
        "http://named.example:99999/",
        "http://named.example:8x/",
        "http://named.example/services/../other",
        "http://named.example/services/%2e%2E/other",
        "http://named.example/./",
        "http://[::1/",
        "http://named.example[/",
        "",
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(address: str) -> None:
    with pytest.raises(ContractMissing) as caught:
        Address.parse(address)
    assert "secret" not in str(caught.value)
    assert caught.value.hint
