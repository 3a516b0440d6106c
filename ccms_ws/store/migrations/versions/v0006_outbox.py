"""An outbox that operators can steer: bodies in parts, places in queues, interventions; the lines to partners."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Instant, RowId, code, drop_constraints

revision = "0006"
down_revision = "0005"

_ENDED = "EXISTS (SELECT 1 FROM outbox_intervention i WHERE i.outbox_id = OLD.outbox_id AND i.kind <> 'resent')"


def upgrade() -> None:
    _parts()
    _places()
    _interventions()
    _lines()


def downgrade() -> None:
    op.drop_table("partner_line")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER outbox_message_ended ON outbox_message")
        op.execute("DROP FUNCTION refuse_ended_outbox_message()")
    else:
        op.execute("DROP TRIGGER outbox_message_ended")
    op.drop_table("outbox_intervention")
    _without_places()
    _without_parts()


def _parts() -> None:
    op.rename_table("outbox_body", "outbox_body_before")
    drop_constraints("outbox_body_before", "pk_outbox_body", "fk_outbox_body_outbox_id")
    op.create_table(
        "outbox_body",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("part", sa.Integer(), nullable=False, comment="Number of the part, from 0; most messages have one"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="That part of the payload in exclusive canonical form",
        ),
        sa.PrimaryKeyConstraint("outbox_id", "part", name="pk_outbox_body"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_body_outbox_id"),
        comment="What a message on its way says",
    )
    op.execute("INSERT INTO outbox_body SELECT outbox_id, 0, body FROM outbox_body_before")
    op.drop_table("outbox_body_before")


def _without_parts() -> None:
    op.rename_table("outbox_body", "outbox_body_after")
    drop_constraints("outbox_body_after", "pk_outbox_body", "fk_outbox_body_outbox_id")
    op.create_table(
        "outbox_body",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="The payload in exclusive canonical form"),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox_body"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_body_outbox_id"),
        comment="What a message on its way says",
    )
    together = (
        "string_agg(content, '' ORDER BY part)"
        if op.get_context().dialect.name == "postgresql"
        else "CAST(group_concat(CAST(content AS TEXT), '') AS BLOB)"
    )
    op.execute(
        f"INSERT INTO outbox_body SELECT outbox_id, {together} FROM"  # noqa: S608 - nothing of it is given
        " (SELECT * FROM outbox_body_after ORDER BY outbox_id, part) AS ordered GROUP BY outbox_id"
    )
    op.drop_table("outbox_body_after")


def _places() -> None:
    _replace_queues(with_place=True, fill="place, outbox_id, position", source="outbox_id AS place, *")
    op.drop_index("ix_outbox_message_due", "outbox_message")
    _due_index(["partner_id", "due_at", "outbox_id"], "blocked_subjects = 0 AND due_at IS NOT NULL")


def _without_places() -> None:
    _replace_queues(with_place=False, fill="outbox_id, position", source="*")
    op.drop_index("ix_outbox_message_due", "outbox_message")
    _due_index(["blocked_subjects", "due_at", "outbox_id"], "due_at IS NOT NULL")


def _due_index(columns: list[str], where: str) -> None:
    rows = sa.text(where)
    op.create_index("ix_outbox_message_due", "outbox_message", columns, sqlite_where=rows, postgresql_where=rows)


def _replace_queues(*, with_place: bool, fill: str, source: str) -> None:
    op.drop_index("ix_outbox_subject_outbox_id", "outbox_subject")
    op.rename_table("outbox_subject", "outbox_subject_other")
    drop_constraints("outbox_subject_other", "pk_outbox_subject", "fk_outbox_subject_outbox_id")
    place = sa.Column(
        "place",
        RowId,
        nullable=False,
        comment="The order in the queue: the number of the message, or of the one that it replaces",
    )
    op.create_table(
        "outbox_subject",
        sa.Column("partner_id", sa.Text(), nullable=False, comment="To whom"),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="What the message is about; one queue for each partner and subject",
        ),
        *((place,) if with_place else ()),
        sa.Column("outbox_id", RowId, nullable=False, comment="The message that stands in the queue"),
        sa.Column("position", sa.Integer(), nullable=False, comment="Place among the subjects of its message, from 0"),
        sa.PrimaryKeyConstraint(
            "partner_id", "subject", "place" if with_place else "outbox_id", name="pk_outbox_subject"
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_subject_outbox_id"),
        sqlite_with_rowid=False,
        comment="The queues by which messages about one subject keep their order; a delivered message leaves them",
    )
    op.execute(
        f"INSERT INTO outbox_subject (partner_id, subject, {fill})"  # noqa: S608 - nothing of it is given
        f" SELECT partner_id, subject, {fill} FROM (SELECT {source} FROM outbox_subject_other) AS other"
    )
    op.drop_table("outbox_subject_other")
    op.create_index("ix_outbox_subject_outbox_id", "outbox_subject", ["outbox_id"])


def _interventions() -> None:
    op.create_table(
        "outbox_intervention",
        sa.Column("outbox_id", RowId, nullable=False, comment="The dead message"),
        sa.Column("after_attempt", sa.Integer(), nullable=False, comment="How many attempts there had been"),
        sa.Column(
            "kind",
            code("ck_outbox_intervention_intervention", "resent", "withdrawn", "replaced"),
            nullable=False,
            comment="resent, or ended: withdrawn, replaced",
        ),
        sa.Column("at", Instant(), nullable=False, comment="When"),
        sa.Column("operator", sa.Text(), nullable=False, comment="Who"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the operator's words"),
        sa.Column("replaced_by", RowId, comment="The message that took its place"),
        sa.PrimaryKeyConstraint("outbox_id", "after_attempt", name="pk_outbox_intervention"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_intervention_outbox_id"),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["outbox_message.outbox_id"], name="fk_outbox_intervention_replaced_by"
        ),
        sa.UniqueConstraint("replaced_by", name="uq_outbox_intervention_replaced_by"),
        sa.CheckConstraint("operator <> ''", name="ck_outbox_intervention_operator"),
        sa.CheckConstraint(
            "(kind = 'replaced') = (replaced_by IS NOT NULL)", name="ck_outbox_intervention_replaced_by"
        ),
        comment="What an operator did with a dead message; rows are only added",
    )
    # A message that was withdrawn or replaced never leaves the house any more.
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE FUNCTION refuse_ended_outbox_message() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN
              IF {_ENDED} THEN
                RAISE check_violation USING CONSTRAINT = 'outbox_message_ended', TABLE = 'outbox_message';
              END IF;
              RETURN NEW;
            END$$
            """
        )
        op.execute(
            """
            CREATE TRIGGER outbox_message_ended BEFORE UPDATE OF state ON outbox_message FOR EACH ROW
            WHEN (OLD.state = 'dead' AND NEW.state <> 'dead') EXECUTE FUNCTION refuse_ended_outbox_message()
            """
        )
        return
    op.execute(
        f"""
        CREATE TRIGGER outbox_message_ended BEFORE UPDATE OF state ON outbox_message
        WHEN OLD.state = 'dead' AND NEW.state <> 'dead' AND {_ENDED}
        BEGIN SELECT RAISE(ABORT, 'the message was withdrawn or replaced'); END
        """
    )


def _lines() -> None:
    op.create_table(
        "partner_line",
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The partner"),
        sa.Column(
            "state",
            code("ck_partner_line_linestate", "up", "down", "probing"),
            nullable=False,
            comment="up, down (rests), probing (one message tries it)",
        ),
        sa.Column("failures", sa.Integer(), nullable=False, comment="Failures in a row"),
        sa.Column("changed_at", Instant(), comment="Since when it is in this state"),
        sa.Column("retry_at", Instant(), comment="down: rests until then; probing: when the probe ends"),
        sa.Column("last_error", sa.Text(), nullable=False, comment="Cause of the last failure; empty if there is none"),
        sa.PrimaryKeyConstraint("partner_id", name="pk_partner_line"),
        sa.CheckConstraint("partner_id <> ''", name="ck_partner_line_partner_id"),
        sa.CheckConstraint("failures >= 0", name="ck_partner_line_failures"),
        sa.CheckConstraint("(state = 'up') = (retry_at IS NULL)", name="ck_partner_line_retry_at"),
        comment="The circuit breaker of each partner that has failed once: whether sending to it is worth trying",
    )
