"""A simulated probation department of a court's settings: it asks for balances."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from ccms_ws.clients import BalanceQueryClient, Criteria, OnWire
from ccms_ws.clock import Clock
from ccms_ws.config import Settings
from ccms_ws.domain.courts import Court
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.exchanges.fcc807 import FCC807

__all__ = ["Criteria", "QueryClient"]


class QueryClient(BalanceQueryClient):
    """Asks the court of `settings` as one of its partners."""

    def __init__(
        self,
        settings: Settings,
        partner_id: str,
        *,
        key: Path | None = None,
        clock: Clock | None = None,
        on_wire: OnWire | None = None,
    ) -> None:
        """`key`: the partner's private key, by default next to its certificate. Raises ConfigError."""
        court, profile = settings.court, settings.partner(partner_id)
        own = profile.certificates[0]
        unit = ProbationUnit(profile.unit) if profile.unit else None
        certificate = x509.load_pem_x509_certificate(settings.identity.certificate.read_bytes())
        super().__init__(
            url=settings.endpoint.public_url + FCC807.path,
            court=Court(court.ori, court.name, court.county_code, court.dmv_court_code),
            partner=Partner(profile.id, profile.name, PartnerKind(profile.kind), unit),
            identity=Identity.load(key or own.with_suffix(".key"), own),
            trust=TrustStore([PinnedCertificate(court.ori, certificate)]),
            test=court.test,
            clock=clock,
            on_wire=on_wire,
        )
