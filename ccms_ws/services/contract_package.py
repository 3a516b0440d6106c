"""From an exchange and a security policy to the contract package that partners get."""

from __future__ import annotations

from ccms_ws.contract.codes import CodeLists
from ccms_ws.contract.export import ContractPackage
from ccms_ws.contract.policy import SignedPart, WireProfile
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.exchange import Exchange
from ccms_ws.services.samples import partner_wsdls, signed_samples


def package_of(exchange: Exchange, public_url: str, policy: SecurityPolicy, codes: CodeLists) -> ContractPackage:
    """What is exported of `exchange`, as it is published below `public_url` and secured by `policy`, with `codes`."""
    url = public_url + exchange.path
    return ContractPackage(
        code=exchange.code,
        version=exchange.version,
        title=exchange.title,
        namespace=exchange.namespace,
        service=exchange.service,
        url=url,
        partner_wsdls=partner_wsdls(exchange),
        profile=describe(policy),
        signed=signed_samples(exchange, url),
        codes=codes,
    )


def describe(policy: SecurityPolicy) -> WireProfile:
    """What the endpoint enforces, in the plain description that the contract publishes.

    That it is true is tested against the endpoint itself, part by part.
    """
    return WireProfile(
        name=policy.profile.value,
        signed=frozenset(SignedPart),
        token_references=frozenset(reference.value for reference in policy.token_references),
        signature_methods=policy.signature_methods,
        digest_methods=policy.digest_methods,
        lifetime=policy.lifetime,
        skew=policy.skew,
    )
