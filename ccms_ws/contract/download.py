"""Getting a contract file from an address that the user named: one request, no redirect, nothing endless."""

from __future__ import annotations

import requests

from ccms_ws.contract.addresses import Address
from ccms_ws.errors import ContractMissing

MOST = 8 * 1024 * 1024


def fetch(url: str) -> bytes:
    """What is at an http(s) address. A redirect is not followed, wherever it leads.

    Raises ContractMissing, with what to do, also for an address with user information or an ambiguous one.
    """
    Address.parse(url)
    try:
        with requests.get(url, timeout=(5, 30), stream=True, allow_redirects=False) as answer:
            if answer.is_redirect:
                where = answer.headers.get("Location", "")
                raise ContractMissing(f"{url} leads on to {where}", hint="name that address, if it is the partner's")
            if answer.status_code != 200:
                raise ContractMissing(f"{url} answers {answer.status_code}", hint="ask the partner for the address")
            content = bytearray()
            for part in answer.iter_content(1 << 16):
                content += part
                if len(content) > MOST:
                    raise ContractMissing(f"{url} gives more than {MOST} bytes", hint="no WSDL or schema is that large")
            return bytes(content)
    except requests.RequestException as error:
        raise ContractMissing(f"{url} cannot be reached: {type(error).__name__}", hint="try again later") from error
