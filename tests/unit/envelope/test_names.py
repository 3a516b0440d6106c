"""A distinguished name is recognized as its stack writes it, and another one is not."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509 import NameAttribute, NameOID, RelativeDistinguishedName
from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.envelope.names import LONGEST, is_name


def _name(*rdns: list[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([RelativeDistinguishedName([NameAttribute(oid, value) for oid, value in rdn]) for rdn in rdns])


NAME = _name(
    [(NameOID.DOMAIN_COMPONENT, "gov")],
    [(NameOID.COUNTRY_NAME, "US")],
    [(NameOID.STATE_OR_PROVINCE_NAME, "California")],
    [(NameOID.ORGANIZATION_NAME, 'Superior Court, "Söhne" County')],
    [(NameOID.ORGANIZATIONAL_UNIT_NAME, "#1; A+B"), (NameOID.COMMON_NAME, "Test Authority")],
    [(NameOID.SERIAL_NUMBER, "42")],
    [(NameOID.EMAIL_ADDRESS, "ca@court.example")],
)
SPELLINGS = {
    "OpenSSL 3.0, RFC2253": r"emailAddress=ca@court.example,serialNumber=42,CN=Test Authority+OU=\#1\; A\+B,"
    r"O=Superior Court\, \"S\C3\B6hne\" County,ST=California,C=US,DC=gov",
    "OpenSSL 3.0, oneline": r'DC = gov, C = US, ST = California, O = "Superior Court, \"S\C3\B6hne\" County", '
    r'OU = "#1; A+B" + CN = Test Authority, serialNumber = 42, emailAddress = ca@court.example',
    "JDK 17, RFC2253": r"1.2.840.113549.1.9.1=#1610636140636f7572742e6578616d706c65,2.5.4.5=#13023432,"
    r"OU=\#1\; A\+B+CN=Test Authority,O=Superior Court\, \"Söhne\" County,ST=California,C=US,DC=gov",
    "JDK 17, RFC1779": r'OID.1.2.840.113549.1.9.1=ca@court.example, OID.2.5.4.5=42, OU="#1; A+B" + CN=Test Authority, '
    r'O="Superior Court, \"Söhne\" County", ST=California, C=US, OID.0.9.2342.19200300.100.1.25=gov',
    "JDK 17, CANONICAL": r"1.2.840.113549.1.9.1=#1610636140636f7572742e6578616d706c65,2.5.4.5=#13023432,"
    r"cn=test authority+ou=\#1\; a\+b,o=superior court\, \"söhne\" county,st=california,c=us,dc=#1603676f76",
    "JDK 17, toString": r'EMAILADDRESS=ca@court.example, SERIALNUMBER=42, OU="#1; A+B" + CN=Test Authority, '
    r'O="Superior Court, \"Söhne\" County", ST=California, C=US, DC=gov',
    ".NET": 'E=ca@court.example, SERIALNUMBER=42, OU="#1; A+B" + CN=Test Authority, '
    'O="Superior Court, ""Söhne"" County", S=California, C=US, DC=gov',
    ".NET, by OID": 'OID.1.2.840.113549.1.9.1=ca@court.example; OID.2.5.4.5=42; OU="#1; A+B" + CN=Test Authority; '
    'O="Superior Court, ""Söhne"" County"; S=California; C=US; DC=gov',
    "RFC 4514, all values as UTF8String": "1.2.840.113549.1.9.1=#0c10636140636f7572742e6578616d706c65,"
    r"2.5.4.5=#0C023432,OU=\231\3B A\2BB+CN=Test Authority,O=Superior Court\2c \22S\c3\b6hne\22 County,"
    "ST=#0C0A43616C69666F726E6961,C=#0C025553,DC=#0C03676F76",
    "a BMPString and a long form of the length": r"emailAddress=ca@court.example,serialNumber=#1e0400340032,"
    r"CN=#0c820000546573742041757468".replace("0000", "000e") + r"6f72697479+OU=\#1\; A\+B,"
    r"O=Superior Court\, \"Söhne\" County,ST=California,C=US,DC=gov",
    "mixed case": r"Email=ca@court.example,SerialNumber=42,Cn=Test Authority+oU=\#1\; A\+B,"
    r"o=Superior Court\, \"Söhne\" County,St=California,c=us,Dc=gov",
}  # fmt: skip


@pytest.mark.parametrize("stack", SPELLINGS)
def test_a_name_is_recognized_as_a_stack_writes_it(stack: str) -> None:
    assert is_name(SPELLINGS[stack], NAME)


def test_the_old_form_of_openssl_is_recognized() -> None:
    name = _name([(NameOID.COUNTRY_NAME, "US")], [(NameOID.ORGANIZATION_NAME, "Court, A+B"), ])  # fmt: skip
    assert is_name("/C=US/O=Court, A+B", name)
    assert not is_name("/C=US/O=Court, A", name)


@pytest.mark.parametrize("stack", SPELLINGS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("42", "43"), ("3432", "3433"), ("4A0032", "4A0033"), ("Test", "Best"), ("54657374", "42657374"),
        ("Test Authority", "TestAuthority"), ("US", "UX"), (" + ", ", "), ("+CN", ",CN"), ("+OU", ",OU"),
    ],
)  # fmt: skip
def test_another_name_is_not(stack: str, old: str, new: str) -> None:
    changed = SPELLINGS[stack].replace(old, new)
    assert is_name(changed, NAME) is (changed == SPELLINGS[stack])


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ",", "=", "+", "C", "C=", "C=US", "C=US,", "C=US,O", ",C=US,O=A", "C=US,O=A,", "C=US,,O=A", "C=US+O=A",
        "C=US,O=A,O=A", "O=A,C=US,O=A", "C=US,O=B", "C=US,OU=A", "C=US;O=\"A", "C=US,O=A\"", "C=US,O=\"A\"B",
        "C=US,O=#", "C=US,O=#0", "C=US,O=#0c", "C=US,O=#0c01", "C=US,O=#0c0241", "C=US,O=#0c014141", "C=US,O=#0c8041",
        "C=US,O=#0cff41", "C=US,O=#040141", "C=US,O=#41", "C=US,O=#0c01ff", "C=US,O=A\\", "C=US,O=\\ff", "C=US,X=A",
        "C=US,OID.O=A", "C=US,2.5.4=A", "C=US,OID.=A", "C=US\0,O=A", "/", "/C=US", "/C=US/O", "/C=US/O=A/",
        "//C=US/O=A",
        "C=US,O=" + " " * LONGEST + "A",
    ],
)  # fmt: skip
def test_what_is_no_name_or_less_or_more_is_not(text: str) -> None:
    name = _name([(NameOID.COUNTRY_NAME, "US")], [(NameOID.ORGANIZATION_NAME, "A")])
    assert is_name("C=US,O=A", name)
    assert is_name("O=A,C=US", name)
    assert not is_name(text, name)


def test_the_order_counts_in_one_direction_or_the_other() -> None:
    name = _name(*([(oid, "x")] for oid in (NameOID.LOCALITY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)))
    assert is_name("L=x,O=x,CN=x", name)
    assert is_name("CN=x,O=x,L=x", name)
    assert not is_name("O=x,L=x,CN=x", name)


def test_an_empty_name_is_nothing() -> None:
    assert not is_name("", x509.Name([]))


_VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)
_NAMES = st.lists(
    st.dictionaries(
        st.sampled_from([NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME, NameOID.TITLE, NameOID.EMAIL_ADDRESS]),
        _VALUES, min_size=1, max_size=2,
    ),
    min_size=1, max_size=3,
)  # fmt: skip


@given(_NAMES, _NAMES)
def test_a_name_is_its_own_and_no_other_s(
    one: list[dict[x509.ObjectIdentifier, str]], other: list[dict[x509.ObjectIdentifier, str]]
) -> None:
    """Written by `cryptography` in the form of RFC 4514."""

    def folded(name: list[dict[x509.ObjectIdentifier, str]]) -> list[list[tuple[str, str]]]:
        return [sorted((o.dotted_string, " ".join(v.split()).casefold()) for o, v in rdn.items()) for rdn in name]

    names = [_name(*(list(rdn.items()) for rdn in each)) for each in (one, other)]
    assert is_name(names[0].rfc4514_string(), names[0])
    same = folded(one) in (folded(other), folded(other)[::-1])
    assert is_name(names[0].rfc4514_string(), names[1]) is same
