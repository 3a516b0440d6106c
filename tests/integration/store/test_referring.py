"""Referring debts, what batches then say of them, and taking them back: on a database, by the audit's numbers."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from ccms_ws.domain.collections import CASE_SEALED, BatchState, Referral, ReferralPurpose, ReferralState
from ccms_ws.domain.courts import Case, CaseParticipant, CaseType, ParticipantRole
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.errors import ConcurrentChange
from ccms_ws.exchange import Context
from ccms_ws.exchanges.col903.batches import gather
from ccms_ws.exchanges.col903.handler import NothingToCorrect, build_batches, correct_batch, recompose
from ccms_ws.exchanges.col903.messages import Adjustment, CollectionStatus, Payment, Update
from ccms_ws.exchanges.col903.referring import (
    ReferralOrder,
    ReferralRefused,
    ReferralRules,
    refer,
    refer_all,
    withdraw,
)
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.col903.tables import collection_batch
from ccms_ws.store.court_tables import court_case
from tests.support.books import context
from tests.support.databases import Units
from tests.support.records import ANA, CASE, FINE, ORI, fill

FTB = Partner("FTB", "Franchise Tax Board", PartnerKind.FRANCHISE_TAX_BOARD)
AGENCY = Partner("AGENCY", "An agency", PartnerKind.COLLECTION_AGENCY)
PROBATION = Partner("ADULT", "Probation", PartnerKind.PROBATION, ProbationUnit.ADULT)
RULES = ReferralRules(90, Decimal("100.00"), takes_restitution=False)
NO_RULES = ReferralRules(0, Decimal("0.00"), takes_restitution=True)
TODAY = context().today
LONG_AGO = TODAY - timedelta(days=200)
OVERDUE = replace(FINE, due_on=LONG_AGO)


class Given:
    """What a partner's settings say."""

    def __init__(self, days: int | None = None, minimum: Decimal | None = None, restitution: bool | None = None):
        self.delinquent_days, self.minimum_debt, self.takes_restitution = days, minimum, restitution


@pytest.fixture
def court(units: Units) -> Units:
    with units() as uow:
        fill(uow)
        uow.commit()
    return units


def post(units: Units, entry_id: str, kind: EntryKind, amount: str, **changes: Any) -> LedgerEntry:
    entry = replace(FINE, entry_id=entry_id, kind=kind, amount=Decimal(amount), posted_on=TODAY)
    if kind is not EntryKind.ASSESSMENT:
        entry = replace(entry, imposed_on=None)
    entry = replace(entry, **changes)
    with units() as uow:
        uow.books.add(entry)
        uow.commit()
    return entry


def referred(
    units: Units, partner: Partner = FTB, rules: ReferralRules = RULES, day: date = TODAY, **order: Any
) -> Referral:
    given = {"case_number": CASE.number, "participant_id": "P-1", "delinquent_on": LONG_AGO, **order}
    with units() as uow:
        made = refer(ReferralOrder(**given), rules, on_day(partner, day), uow)
        uow.commit()
    return made


def on_day(partner: Partner, day: date) -> Context:
    return context(partner, now=context().now + (day - TODAY))


def told(units: Units, partner: Partner = FTB, *, later: int = 1, **changes: Any) -> Update | None:
    """What a batch would say `later` days from now, None if nothing."""
    about = on_day(replace(partner, **changes), TODAY + timedelta(days=later))
    with units() as uow:
        items = list(gather(uow.of(Batches).open_accounts(partner.partner_id), about))
    assert len(items) <= 1
    return items[0][1] if items else None


def batches(units: Units, partner: Partner = FTB) -> int:
    """Build; how many updates there are."""
    with units() as uow:
        count = 0
        for written in build_batches(context(partner), uow, size=10):
            count += len(written.ordering_keys)
            uow.commit()
    return count


def seal(units: Units, sealed: bool = True) -> None:
    with units() as uow:
        uow.connection.execute(update(court_case).values(sealed=sealed))
        uow.commit()


# -- which debt (A2, A4) ----------------------------------------------------------------------------------------------
def test_a2_a_debt_is_referred_with_its_lines_and_delinquency(court: Units) -> None:
    made = referred(court, account_number="A 7")
    assert (made.referred_amount, made.lines, made.delinquent_on) == (Decimal("490.10"), ("E-1",), LONG_AGO)
    assert (made.purpose, made.state, made.referred_on) == (ReferralPurpose.COLLECT, ReferralState.OPEN, TODAY)
    with court() as uow:
        assert uow.referrals.get(made.referral_id) == made
        assert uow.referrals.on_case(ORI, CASE.number) == [made]


def test_a4_a_new_fine_is_not_told_until_it_is_referred(court: Units) -> None:
    referred(court)
    post(court, "E-2", EntryKind.ASSESSMENT, "500.00")
    assert told(court) is None
    with pytest.raises(ReferralRefused, match=f"on {TODAY + timedelta(days=90)}, 90 days"):
        referred(court, delinquent_on=TODAY)
    later = TODAY + timedelta(days=90)
    assert referred(court, day=later, delinquent_on=TODAY).lines == ("E-1", "E-2")
    update_ = told(court, later=91)
    assert update_ is not None
    assert update_.current_balance == Decimal("990.10")
    assert update_.adjustments == (Adjustment(True, Decimal("500.00"), TODAY, "AddedAssessment"),)


def test_a4_restitution_goes_to_ftb_only_by_its_setting(court: Units) -> None:
    post(court, "E-2", EntryKind.ASSESSMENT, "5000.00", fee_kind="Restitution", posted_on=LONG_AGO)
    with pytest.raises(ReferralRefused, match="no victim restitution"):
        referred(court, lines=("E-2",))
    assert referred(court).referred_amount == Decimal("490.10")
    assert told(court) is None


@pytest.mark.parametrize(
    ("days", "match"), [(76, "it may be referred on"), (89, "it may be referred on"), (90, ""), (200, "")]
)
def test_a4_ftb_gets_no_debt_before_90_days(court: Units, days: int, match: str) -> None:
    since = TODAY - timedelta(days=days)
    if not match:
        assert referred(court, delinquent_on=since).delinquent_on == since
        return
    with pytest.raises(ReferralRefused, match=f"{match} {since + timedelta(days=90)}"):
        referred(court, delinquent_on=since)


def test_a4_it_must_be_known_since_when_a_debt_is_delinquent(court: Units) -> None:
    with pytest.raises(ReferralRefused, match="not known since when"):
        referred(court, delinquent_on=None)
    assert referred(court, AGENCY, NO_RULES, delinquent_on=None).delinquent_on is None


def test_a4_the_minimum_counts_all_debt_of_the_person_that_may_be_referred(units: Units) -> None:
    with units() as uow:
        fill(uow)
        uow.books.add(Case(ORI, "C-2", CaseType.TRAFFIC), CaseParticipant(ANA, "C-2", ParticipantRole.DEFENDANT))
        uow.commit()
    post(units, "E-2", EntryKind.ASSESSMENT, "50.00", case_number="C-2", due_on=LONG_AGO)
    post(units, "E-3", EntryKind.PAYMENT, "430.10")
    high = replace(RULES, minimum_debt=Decimal("110.01"))
    with pytest.raises(ReferralRefused, match=r"owes 110\.00 .*minimum of 110\.01"):
        referred(units, rules=high)
    assert referred(units, rules=replace(RULES, minimum_debt=Decimal("110.00"))).referred_amount == Decimal("60.00")


@pytest.mark.parametrize(
    ("partner", "settings", "rules"),
    [
        (FTB, Given(), RULES),
        (AGENCY, Given(), NO_RULES),
        (FTB, Given(120, Decimal("250.00"), restitution=True), ReferralRules(120, Decimal("250.00"), True)),
        (AGENCY, Given(minimum=Decimal("25.00")), ReferralRules(0, Decimal("25.00"), True)),
    ],
)
def test_a4_the_rules_are_the_partners_settings(partner: Partner, settings: Given, rules: ReferralRules) -> None:
    assert ReferralRules.of(partner, settings) == rules


def test_nothing_but_debt_of_the_person_is_referred(court: Units) -> None:
    for order, words in (
        ({"case_number": "C-9"}, "no case 'C-9'"),
        ({"participant_id": "P-9"}, "'P-9' is not on the case"),
        ({"lines": ("E-9",)}, "nothing is due on the line 'E-9'"),
        ({"participant_id": "P-2"}, "nothing is due"),
    ):
        with pytest.raises(ReferralRefused, match=words):
            referred(court, **order)
    referred(court)
    with pytest.raises(ReferralRefused, match="referred already"):
        referred(court, lines=("E-1",))


def test_a_case_that_the_partner_may_not_know_of_is_not_referred(court: Units) -> None:
    with pytest.raises(ReferralRefused, match="traffic cases"):
        referred(court, replace(FTB, case_types=frozenset({CaseType.CRIMINAL})))
    seal(court)
    with pytest.raises(ReferralRefused, match="sealed"):
        referred(court)


def test_all_eligible_debts_are_referred_at_once(units: Units) -> None:
    with units() as uow:
        fill(uow)
        for number, due_on, amount in (
            ("C-2", TODAY - timedelta(days=91), "200.00"),  # the first day on which it may be
            ("C-3", TODAY - timedelta(days=90), "200.00"),
            ("C-4", None, "200.00"),
            ("C-5", LONG_AGO, "99.99"),
            ("C-6", LONG_AGO, "200.00"),
        ):
            person = replace(ANA, participant_id=f"Q-{number}")
            case = Case(ORI, number, CaseType.TRAFFIC, sealed=number == "C-6")
            debt = replace(FINE, entry_id=number, case_number=number, participant_id=person.participant_id)
            debt = replace(debt, amount=Decimal(amount), due_on=due_on)
            uow.books.add(case, person, CaseParticipant(person, number, ParticipantRole.DEFENDANT), debt)
        uow.commit()
    with units() as uow:
        made = list(refer_all(RULES, context(FTB), uow))
        assert [(each.case_number, each.referred_amount) for each in made] == [("C-2", Decimal("200.00"))]
        assert made[0].delinquent_on == TODAY - timedelta(days=90)
        assert list(refer_all(RULES, context(FTB), uow)) == []
        assert list(refer_all(RULES, context(AGENCY), uow)) == []
        monitored = list(refer_all(RULES, context(PROBATION), uow))
        assert {each.purpose for each in monitored} == {ReferralPurpose.MONITOR}


# -- one collects (A13) -----------------------------------------------------------------------------------------------
def test_a13_one_partner_collects_a_debt_and_others_monitor_it(court: Units) -> None:
    made = referred(court)
    with pytest.raises(ReferralRefused, match=f"FTB collects the debt already, as {made.referral_id}"):
        referred(court, AGENCY, NO_RULES)
    assert referred(court, PROBATION).purpose is ReferralPurpose.MONITOR
    with court() as uow, pytest.raises(ConcurrentChange, match="is with FTB already"):
        uow.referrals.add(replace(made, referral_id="R-9", partner_id="AGENCY"))
    with court() as uow:
        withdraw(made.referral_id, "to the agency", TODAY, uow)
        uow.commit()
    assert referred(court, AGENCY, NO_RULES).partner_id == "AGENCY"


def test_a_referral_is_withdrawn_once_and_with_a_reason(court: Units) -> None:
    made = referred(court)
    post(court, "E-2", EntryKind.PAYMENT, "90.10")
    with court() as uow:
        ended = withdraw(made.referral_id, "recalled by letter", TODAY, uow)
        uow.commit()
    assert (ended.state, ended.reason, ended.ended_on) == (ReferralState.ENDED, "recalled by letter", TODAY)
    assert batches(court) == 0
    with court() as uow, pytest.raises(ReferralRefused, match="recalled by letter"):
        withdraw(made.referral_id, "again", TODAY, uow)


# -- paid or not (A5), by whom (A6), since when (A15) -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (EntryKind.PAYMENT, CollectionStatus.PAID_IN_FULL),
        (EntryKind.WAIVER, CollectionStatus.NOTHING_OWED),
        (EntryKind.VACATUR, CollectionStatus.NOTHING_OWED),
    ],
)
def test_a5_only_a_debt_that_was_paid_is_paid_in_full(court: Units, kind: EntryKind, status: CollectionStatus) -> None:
    referred(court)
    post(court, "E-2", kind, "490.10", posted_on=TODAY + timedelta(days=1))
    update_ = told(court)
    assert update_ is not None
    assert (update_.current_balance, update_.status) == (Decimal("0.00"), status)


def test_a5_debt_that_a_statute_takes_out_was_not_paid(court: Units) -> None:
    assessed = {"fee_kind": "RestitutionFine", "statute": "PC 1202.4", "due_on": LONG_AGO}
    imposed = (TODAY + timedelta(days=30)).replace(year=TODAY.year - 10)
    post(court, "E-2", EntryKind.ASSESSMENT, "300.00", posted_on=imposed, imposed_on=imposed, **assessed)
    referred(court, lines=("E-2",))
    update_ = told(court, later=40)
    assert update_ is not None
    assert (update_.current_balance, update_.status) == (Decimal("0.00"), CollectionStatus.NOTHING_OWED)
    assert [each.reason for each in update_.adjustments] == ["VacatedByStatute"]


def test_a6_a_partners_own_payment_is_not_told_back(court: Units) -> None:
    referred(court)
    tomorrow = TODAY + timedelta(days=1)
    post(court, "E-2", EntryKind.PAYMENT, "90.10", reported_by="FTB", posted_on=tomorrow)
    assert told(court) is None
    itemized = told(court, is_told_own_payments=True)
    assert itemized is not None
    assert itemized.payments == (Payment(Decimal("90.10"), tomorrow, "E-2", "Partner"),)
    post(court, "E-3", EntryKind.PAYMENT, "100.00", posted_on=tomorrow)
    update_ = told(court)
    assert update_ is not None
    assert (update_.previous_balance, update_.current_balance) == (Decimal("400.00"), Decimal("300.00"))
    assert [each.receipt_id for each in update_.payments] == ["E-3"]


def test_a6_a_payment_of_the_partner_that_the_court_takes_back_is_told(court: Units) -> None:
    referred(court)
    tomorrow = TODAY + timedelta(days=1)
    own = post(court, "E-2", EntryKind.PAYMENT, "90.10", reported_by="FTB", posted_on=tomorrow)
    post(court, "E-3", EntryKind.PAYMENT, "100.00", posted_on=tomorrow)
    with court() as uow:
        for _ in build_batches(on_day(FTB, tomorrow), uow, size=10):
            uow.commit()
        assert uow.referrals.open_of(ORI, "P-1")[0].told_balance == Decimal("300.00")
    undone = {"reverses": "E-2", "posted_on": TODAY + timedelta(days=2), "reported_by": ""}
    post(court, "E-4", EntryKind.REVERSAL, str(own.amount), **undone)
    update_ = told(court, later=2)
    assert update_ is not None
    assert (update_.previous_balance, update_.current_balance) == (Decimal("300.00"), Decimal("390.10"))
    assert [each.reason for each in update_.adjustments] == ["ReturnedPayment"]


def test_a15_the_delinquency_of_the_referral_is_told(court: Units) -> None:
    referred(court)
    post(court, "E-2", EntryKind.PAYMENT, "10.00", posted_on=TODAY + timedelta(days=1))
    update_ = told(court)
    assert update_ is not None
    assert update_.delinquent_on == LONG_AGO


# -- sealed (A16) -----------------------------------------------------------------------------------------------------
def test_a16_a_case_that_was_sealed_is_not_named_and_a_recall_is_proposed(court: Units) -> None:
    made = referred(court)
    post(court, "E-2", EntryKind.PAYMENT, "90.10")
    seal(court)
    assert batches(court) == 0
    with court() as uow:
        (proposed,) = uow.referrals.to_recall("FTB")
        assert (proposed.referral_id, proposed.state, proposed.reason) == (
            made.referral_id,
            ReferralState.RECALL_PROPOSED,
            CASE_SEALED,
        )
    seal(court, sealed=False)
    assert batches(court) == 1
    with court() as uow:
        assert uow.referrals.to_recall("FTB") == []
        assert uow.referrals.get(made.referral_id).state is ReferralState.OPEN


def test_a16_a_dead_batch_that_names_a_sealed_case_is_not_composed_again(court: Units) -> None:
    made = referred(court)
    post(court, "E-2", EntryKind.PAYMENT, "90.10")
    assert batches(court) == 1
    with court() as uow:
        (batch_id,) = uow.connection.execute(select(collection_batch.c.batch_id)).scalars()
        uow.of(Batches).move_batch(batch_id, BatchState.UNDELIVERABLE)
        uow.commit()
    seal(court)
    with court() as uow, pytest.raises(NothingToCorrect, match="names 1 debts"):
        recompose(batch_id, context(FTB), uow)
    with court() as uow:
        assert uow.referrals.get(made.referral_id).state is ReferralState.OPEN


def test_a16_a_refused_update_of_a_sealed_case_is_not_corrected(court: Units) -> None:
    referred(court)
    post(court, "E-2", EntryKind.PAYMENT, "90.10")
    assert batches(court) == 1
    with court() as uow:
        (batch_id,) = uow.connection.execute(select(collection_batch.c.batch_id)).scalars()
        uow.of(Batches).move_batch(batch_id, BatchState.REJECTED, error_code="X")
        uow.commit()
    seal(court)
    with court() as uow, pytest.raises(NothingToCorrect, match="no item"):
        list(correct_batch(batch_id, context(FTB), uow, size=10))


def test_a_withdrawn_debt_waits_for_no_correction(court: Units) -> None:
    made = referred(court)
    post(court, "E-2", EntryKind.PAYMENT, "90.10")
    assert batches(court) == 1
    with court() as uow:
        (batch_id,) = uow.connection.execute(select(collection_batch.c.batch_id)).scalars()
        uow.of(Batches).move_batch(batch_id, BatchState.REJECTED, error_code="X")
        assert [count for _, count in uow.of(Batches).batches_to_correct("FTB")] == [1]
        withdraw(made.referral_id, "returned", TODAY, uow)
        assert list(uow.of(Batches).batches_to_correct("FTB")) == []


# -- a batch's totals -------------------------------------------------------------------------------------------------
def test_a4_the_total_of_a_batch_is_the_sum_of_the_lines_referred(units: Units) -> None:
    chance = random.Random(7)
    expected = Decimal("0.00")
    with units() as uow:
        fill(uow)
        for number in range(20):
            person, case = replace(ANA, participant_id=f"Q-{number}"), Case(ORI, f"C-{number}", CaseType.TRAFFIC)
            uow.books.add(case, person, CaseParticipant(person, case.number, ParticipantRole.DEFENDANT))
            lines = [
                replace(
                    FINE,
                    entry_id=f"{number}/{n}",
                    case_number=case.number,
                    participant_id=person.participant_id,
                    fee_kind=chance.choice(["BaseFine", "StatePenalty"]),
                    amount=Decimal(chance.randint(10_000, 90_000)).scaleb(-2),
                )
                for n in range(4)
            ]
            paid = replace(lines[0], entry_id=f"{number}/p", kind=EntryKind.PAYMENT, amount=Decimal("1.00"))
            uow.books.add(*lines, replace(paid, posted_on=TODAY, imposed_on=None))
            chosen = sorted(chance.sample([line.entry_id for line in lines], chance.randint(1, 4)))
            key = (f"R-{number:02}", "FTB", ORI, case.number, person.participant_id, LONG_AGO)
            amount = sum((line.amount for line in lines if line.entry_id in chosen), Decimal("0.00"))
            uow.referrals.add(Referral(*key, amount, lines=tuple(chosen)))
            pays = f"{number}/0" in chosen
            expected += amount - Decimal("1.00") if pays else Decimal("0.00")
        uow.commit()
    assert batches(units) > 0
    with units() as uow:
        totals = uow.connection.execute(select(collection_batch.c.total_balance)).scalars()
        assert sum(totals, Decimal("0.00")) == expected
