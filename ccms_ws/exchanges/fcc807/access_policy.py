"""Who may know of a case. To a partner that may not, the case does not exist: same answer, true reason in the log."""

from __future__ import annotations

from functools import cache

from ccms_ws.domain.courts import CaseType
from ccms_ws.domain.participant_search import AccessScope
from ccms_ws.domain.partners import Partner, ProbationUnit

_JUVENILE = frozenset(kind for kind in CaseType if kind.is_juvenile)


@cache
def scope_of(partner: Partner) -> AccessScope:
    """The cases that `partner` may know of, as far as its profile does not narrow them further (`case_types`).

    Sealed cases are closed to every partner. Juvenile case files are confidential (W&I 827): juvenile probation alone
    may know of them. Another case marked confidential is closed to every partner.
    """
    allowed = frozenset(CaseType) if partner.case_types is None else partner.case_types
    confidential = _JUVENILE if partner.unit is ProbationUnit.JUVENILE else frozenset()
    return AccessScope(open_types=allowed - _JUVENILE, confidential_types=allowed & confidential)
