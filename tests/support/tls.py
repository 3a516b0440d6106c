"""Keys and certificates for TLS on loopback."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ccms_ws.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Doors:
    """Keys and certificates for TLS, as PEM files: NAME.key and NAME.crt, all of one authority, ca.crt."""

    folder: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        context.load_verify_locations(self.folder / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def client(self, name: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        if name:
            context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context


def make_doors(folder: Path) -> Doors:
    """An authority, a server on 127.0.0.1, adult probation and a stranger."""
    now = SystemClock().now()
    root_key, root = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=TLS root")
    for name in ("ca", "server", "adult-probation", "stranger"):
        key = root_key if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        subject = root if name == "ca" else x509.Name.from_rfc4514_string(f"CN={name}")
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(root).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(name == "ca", None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            # Python 3.13 verifies strictly by RFC 5280: key identifiers, and an authority that may sign certificates.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
            )
            .add_extension(_usage(authority=name == "ca"), critical=True)
            .sign(root_key, hashes.SHA256())
        )  # fmt: skip
        secret = folder / f"{name}.key"
        secret.touch(0o600)
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    return Doors(folder)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
