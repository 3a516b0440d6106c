"""Who may know of a case. To a partner that may not, the case does not exist: same answer, true reason in the log."""

from __future__ import annotations

from ccms_ws.domain.courts import Case
from ccms_ws.domain.partners import Partner, ProbationUnit


def may_know(partner: Partner, case: Case) -> bool:
    """True if `partner` may learn that `case` exists.

    Sealed cases are closed to every partner. Juvenile case files are confidential (W&I 827): juvenile probation alone
    may know of them. Another case marked confidential is closed to every partner.
    """
    if case.sealed:
        return False
    if case.case_type.is_juvenile:
        return partner.unit is ProbationUnit.JUVENILE
    return not case.confidential
