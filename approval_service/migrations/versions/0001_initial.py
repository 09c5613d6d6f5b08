"""Initial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("number_hash", sa.String(length=32), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("debtor_id", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("recalled", sa.Boolean(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("balance_known", sa.Boolean(), nullable=False),
        sa.Column("as_of_ms", sa.BigInteger(), nullable=False),
        sa.Column("overdue_fen", sa.BigInteger(), nullable=False),
        sa.Column("outstanding_fen", sa.BigInteger(), nullable=False),
        sa.Column("minimum_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_date", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sa.UniqueConstraint("bank_id", "number_hash"),
    )
    op.create_table(
        "attempt",
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("outreach_id", sa.String(length=26), nullable=False),
        sa.Column("lease_id", sa.String(length=64), nullable=False),
        sa.Column("worker_id", sa.String(length=64), nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("identity", sa.String(length=32), nullable=False),
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("carrier_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("may_have_left", sa.Boolean(), nullable=False),
        sa.Column("released_ms", sa.BigInteger(), nullable=False),
        sa.Column("released_real_ms", sa.BigInteger(), nullable=False),
        sa.Column("report_by_real_ms", sa.BigInteger(), nullable=False),
        sa.Column("template_digest", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), nullable=False),
        sa.Column("balance_sequence", sa.BigInteger(), nullable=False),
        sa.Column("permit_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("carrier_message_id", sa.String(length=128), nullable=False),
        sa.Column("carrier_code", sa.String(length=128), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("attempt_by_carrier_id", "attempt", ["carrier_id", "carrier_message_id"], unique=False)
    op.create_index("attempt_by_day", "attempt", ["bank_id", "released_ms"], unique=False)
    op.create_index("attempt_by_identity", "attempt", ["identity", "released_ms"], unique=False)
    op.create_index("attempt_by_lease", "attempt", ["lease_id"], unique=False)
    op.create_index("attempt_by_outreach", "attempt", ["outreach_id"], unique=False)
    op.create_index("attempt_by_phone", "attempt", ["phone_hash", "released_ms"], unique=False)
    op.create_index("attempt_open", "attempt", ["state", "report_by_real_ms"], unique=False)
    op.create_table(
        "bank_event",
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bank_id", "event_id"),
    )
    op.create_table(
        "change",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("caller_id", sa.String(length=64), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index(
        "change_by_day",
        "change",
        ["bank_id", "time_ms"],
        unique=False,
        sqlite_where=sa.text("state > 3"),
        postgresql_where=sa.text("state > 3"),
    )
    op.create_table(
        "contact",
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "phone_hash"),
    )
    op.create_table(
        "dead_phone",
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("phone_hash"),
    )
    op.create_table(
        "employee",
        sa.Column("caller_id", sa.String(length=64), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("caller_id", "employee_id"),
    )
    op.create_table(
        "feed",
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("complete_through_ms", sa.BigInteger(), nullable=False),
        sa.Column("proven_real_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank_id"),
    )
    op.create_table(
        "filing",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("carrier_id", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "carrier_id"),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("tree_size", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("catalog_version", sa.BigInteger(), nullable=False),
        sa.Column("published_position", sa.BigInteger(), nullable=False),
        sa.Column("clock_business_ms", sa.BigInteger(), nullable=False),
        sa.Column("clock_real_ms", sa.BigInteger(), nullable=False),
        sa.Column("clock_rate", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "hold",
        sa.Column("hold_id", sa.String(length=26), nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("set_by", sa.String(length=130), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.Column("lift_requested_by", sa.String(length=130), nullable=False),
        sa.Column("lift_reason", sa.String(length=200), nullable=False),
        sa.Column("lifted_by", sa.String(length=130), nullable=False),
        sa.PrimaryKeyConstraint("hold_id"),
    )
    op.create_index("hold_by_account", "hold", ["account_id"], unique=False)
    op.create_table(
        "ledger_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "mark",
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.String(length=200), nullable=False),
        sa.Column("set_by", sa.String(length=130), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank_id", "subject", "reason"),
    )
    op.create_table(
        "outreach",
        sa.Column("outreach_id", sa.String(length=26), nullable=False),
        sa.Column("caller_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("masked_phone", sa.String(length=32), nullable=False),
        sa.Column("masked_account", sa.String(length=16), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("template_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("waiting_for", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.LargeBinary(), nullable=False),
        sa.Column("codes", sa.String(length=400), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("outreach_id"),
        sa.UniqueConstraint("caller_id", "request_id"),
    )
    op.create_index("outreach_by_account", "outreach", ["account_id", "state"], unique=False)
    op.create_index("outreach_by_case", "outreach", ["bank_id", "case_id"], unique=False)
    op.create_index("outreach_by_day", "outreach", ["bank_id", "created_ms"], unique=False)
    op.create_index(
        "outreach_due",
        "outreach",
        ["due_ms"],
        unique=False,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "outreach_expiry",
        "outreach",
        ["not_after_ms"],
        unique=False,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "outreach_waiting",
        "outreach",
        ["waiting_for", "bank_id"],
        unique=False,
        sqlite_where=sa.text("state = 1 AND waiting_for <> ''"),
        postgresql_where=sa.text("state = 1 AND waiting_for <> ''"),
    )
    op.create_table(
        "party",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "person_id"),
    )
    op.create_table(
        "person",
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("customer_hash", sa.String(length=32), nullable=False),
        sa.Column("identity", sa.String(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("agreed_to_quiet_hours", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
        sa.UniqueConstraint("bank_id", "customer_hash"),
    )
    op.create_table(
        "policy",
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("effective_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("activated_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bank_id", "version"),
    )
    op.create_table(
        "template",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("bank_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("template_by_name", "template", ["bank_id", "name"], unique=False)
