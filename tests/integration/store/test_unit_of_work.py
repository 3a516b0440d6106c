"""All of a unit of work happens, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import StoreError
from ccms_ws.store.unit_of_work import SqlUnitOfWork, read_only, unit_of_work
from tests.support.databases import Units
from tests.support.records import ANA, BEN, CASE, COURT, ORI, fill


def test_it_is_the_port(engine: Engine) -> None:
    factory: UnitOfWorkFactory = unit_of_work(engine)
    port: UnitOfWork = factory()
    with port as uow:
        assert uow.books.find_court(ORI) is None


def test_what_is_committed_stays(units: Units) -> None:
    with units() as uow:
        uow.books.add(COURT)
        uow.commit()
    with units() as uow:
        assert uow.books.find_court(ORI) == COURT


def test_leaving_without_commit_rolls_back(units: Units) -> None:
    with units() as uow:
        uow.books.add(COURT)
    with units() as uow:
        assert uow.books.find_court(ORI) is None


def test_leaving_by_an_error_rolls_back_and_hides_nothing(units: Units) -> None:
    def fail() -> None:
        with units() as uow:
            uow.books.add(COURT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with units() as uow:
        assert uow.books.find_court(ORI) is None


def test_work_goes_on_after_a_commit_and_after_a_rollback(units: Units) -> None:
    with units() as uow:
        uow.books.add(COURT)
        uow.commit()
        uow.books.add(ANA)
        uow.rollback()
        uow.books.add(BEN)
        uow.commit()
    with units() as uow:
        assert uow.books.find_court(ORI) == COURT
        assert uow.books.find_participant(ORI, "P-1") is None
        assert uow.books.find_participant(ORI, "P-2") == BEN


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_unit_that_has_ended_its_transaction_holds_up_nobody(units: Units, end: str) -> None:
    with units() as idle, units() as other:
        idle.books.add(COURT)
        getattr(idle, end)()
        other.books.add(replace(COURT, ori="CA019015J"))
        other.commit()


def test_after_an_error_the_whole_unit_is_lost(units: Units) -> None:
    with units() as uow:
        uow.books.add(COURT)
        with pytest.raises(StoreError):
            uow.books.add(COURT)
        uow.rollback()
        assert uow.books.find_court(ORI) is None


def test_unit_can_be_entered_again(units: Units) -> None:
    unit = units()
    with unit:
        unit.books.add(COURT)
        unit.commit()
    with unit:
        assert unit.books.find_court(ORI) == COURT


def test_closed_unit_cannot_be_committed(units: Units) -> None:
    unit = units()
    with pytest.raises(StoreError, match="not open"):
        unit.commit()


def test_reading_waits_for_no_writer_and_sees_only_what_is_committed(engine: Engine, units: Units) -> None:
    with units() as writer, read_only(engine)() as reader:
        fill(writer)
        assert reader.books.find_case(ORI, CASE.number) is None
        reader.rollback()
        writer.commit()
        assert reader.books.find_case(ORI, CASE.number) == CASE


def test_reading_unit_cannot_be_committed(engine: Engine) -> None:
    with read_only(engine)() as reader, pytest.raises(StoreError, match="only reads"):
        reader.commit()


def test_a_commit_behind_is_there_when_the_block_has_ended(units: Units) -> None:
    with units() as uow:
        uow.books.add(COURT)
        uow.commit_async()
        uow.books.add(ANA)
        uow.commit_async()
        uow.books.add(BEN)
    with units() as uow:
        assert uow.books.find_court(ORI) == COURT
        assert uow.books.find_participant(ORI, ANA.participant_id) == ANA
        assert uow.books.find_participant(ORI, BEN.participant_id) is None


def test_what_is_written_after_a_commit_behind_builds_on_it(units: Units) -> None:
    with units() as uow:
        uow.books.add(COURT)
        uow.commit_async()
        uow.books.add(ANA)  # of this court: refused if the court were not there
        assert uow.books.find_court(ORI) == COURT
        uow.commit()


Commits = Callable[[SqlUnitOfWork], None]


def _twice(uow: SqlUnitOfWork) -> None:
    uow.commit_async()
    uow.books.add(replace(COURT, ori="CA034013J"))
    uow.commit_async()


@pytest.mark.parametrize("commit", [SqlUnitOfWork.commit, SqlUnitOfWork.commit_async, _twice])
def test_a_commit_that_fails_is_told_and_neither_it_nor_what_follows_is_kept(
    engine: Engine, units: Units, commit: Commits
) -> None:
    failing = [StoreError("the disk is full")]

    @event.listens_for(engine, "commit")
    def fail(_connection: object) -> None:
        if failing:
            raise failing.pop()

    def write() -> None:
        with units() as uow:
            uow.books.add(COURT)
            commit(uow)

    with pytest.raises(StoreError, match="the disk is full"):
        write()
    with units() as uow:
        assert uow.books.find_court(ORI) is None
        assert uow.books.find_court("CA034013J") is None
        uow.books.add(COURT)
        uow.commit()  # nobody holds the turn


def test_an_error_in_the_block_hides_no_commit_behind(units: Units) -> None:
    def write() -> None:
        with units() as uow:
            uow.books.add(COURT)
            uow.commit_async()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    with units() as uow:
        assert uow.books.find_court(ORI) == COURT
