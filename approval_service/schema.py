"""The authority's tables. Times are milliseconds since the epoch: business time unless the name says real.

Personal data stands only in `*_sealed` columns (AES-GCM, under the person's key; what somebody wrote of more than one
person, or of nobody known here, under the installation's) and, as keyed hashes, in `*_hash` ones.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""A key of 64 bits: the row's own number in SQLite, which needs no index then."""

# One row: the write lock on PostgreSQL, and the ledger's right edge, which each writing transaction moves.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("tree_size", BigInteger, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("catalog_version", BigInteger, nullable=False),
    Column("published_position", BigInteger, nullable=False),
    # Counts the changes of installation_key, so that each replica takes the new ones with its next transaction.
    Column("keys_version", BigInteger, nullable=False, default=0),
    # The last number given to a letter.
    Column("letter_serial", BigInteger, nullable=False, default=0),
    Column("clock_business_ms", BigInteger, nullable=False),
    Column("clock_real_ms", BigInteger, nullable=False),
    Column("clock_rate", Float, nullable=False),
    # The wall clock jumped at one of the replicas, and nobody has confirmed it yet: none gives permits.
    Column("wall_clock_jumped", Boolean, nullable=False),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

# The roots of the ledger's full subtrees of 256 entries (height 8), of 65,536 (16) and so on, numbered from the left:
# what a proof reads instead of the entries.
ledger_subtree = Table(
    "ledger_subtree",
    metadata,
    Column("height", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
)

# The checkpoints with which one signing key named the next, signed by both.
ledger_handover = Table(
    "ledger_handover",
    metadata,
    Column("tree_size", BigInteger, primary_key=True, autoincrement=False),
    Column("checkpoint", Text, nullable=False),
)

# The installation's own keys, each wrapped by every master key that is in force.
installation_key = Table(
    "installation_key",
    metadata,
    # wrapping (people's keys), notes, hashing or ledger.
    Column("purpose", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("master_id", String(128), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

# A rotation that one operator asked for and another has not approved yet, by the kind of key.
key_request = Table(
    "key_request",
    metadata,
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("asked_by", String(130), nullable=False),
    Column("asked_real_ms", BigInteger, nullable=False),
)

# One row at most: how far the newest rotation of the master key has come.
rewrapping = Table(
    "rewrapping",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("master_id", String(128), nullable=False),
    # The table in hand, and its last row that was looked at.
    Column("in_hand", String(32), nullable=False),
    Column("after", String(64), nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("approved_by", String(130), nullable=False),
    Column("started_real_ms", BigInteger, nullable=False),
    # 0 while it runs.
    Column("finished_real_ms", BigInteger, nullable=False),
)

# Status changes in ledger order: what Watch tells and the outbox publishes. `body` is its ProtoJSON.
change = Table(
    "change",
    metadata,
    Column("position", SERIAL, primary_key=True, autoincrement=False),
    Column("bank_id", String(32), nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("caller_id", String(64), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    # The new state; 0 for a notice, which moves nothing.
    Column("state", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # outreach.domain.ids.time_key of the outreach: those made in the same millisecond, such as a group, share it.
    Column("outreach_key", BigInteger, nullable=False),
    Index("change_by_outreach", "outreach_key"),
    Index(
        "change_by_day",
        "bank_id",
        "state",
        "time_ms",
        sqlite_where=text("state > 3"),
        postgresql_where=text("state > 3"),
    ),
)

person = Table(
    "person",
    metadata,
    Column("person_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("customer_hash", String(32), nullable=False),
    # One human over all banks: the hash of the identity number if the bank told it, else the person id.
    Column("identity", String(32), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("name_sealed", LargeBinary, nullable=False),
    # Why the name may not be shown, without it; empty if it may. The door need not unseal it to know.
    Column("name_fault", String(200), nullable=False),
    # Of the name as it is shown, masked: many people share one.
    Column("masked_name_hash", String(32), nullable=False),
    Column("agreed_to_quiet_hours", Boolean, nullable=False),
    # Kept for the law alone: shown only to inspectors, and in evidence with a purpose.
    Column("restricted", Boolean, nullable=False),
    UniqueConstraint("bank_id", "customer_hash"),
    Index("person_by_identity", "identity"),
    Index("person_by_masked_name", "bank_id", "masked_name_hash"),
    Index("person_restricted", "person_id", sqlite_where=text("restricted"), postgresql_where=text("restricted")),
)

# What was asked for about a person: also the register of erasures, which is kept for ever.
person_request = Table(
    "person_request",
    metadata,
    Column("request_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("person_id", String(26), nullable=False),
    # By which an erased person's marks are found again should the bank place the customer anew.
    Column("customer_hash", String(32), nullable=False),
    # An outreach.v1.PersonRequestKind and PersonRequestState.
    Column("kind", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("reason", String(200), nullable=False),
    # The retention's batch; empty for none.
    Column("batch_id", String(26), nullable=False),
    Column("asked_by", String(130), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("decided_by", String(130), nullable=False),
    Column("decided_ms", BigInteger, nullable=False),
    # When the key was destroyed, the restriction lifted, the export fetched; 0 before.
    Column("done_ms", BigInteger, nullable=False),
    # What it waits for, or what stopped it.
    Column("note", String(400), nullable=False),
    # An erasure may go on although the fate of what is UNCONFIRMED can be found out no more.
    Column("loss_accepted", Boolean, nullable=False),
    Index("person_request_by_person", "person_id"),
    Index("person_request_by_customer", "bank_id", "customer_hash"),
    Index("person_request_by_bank", "bank_id", "request_id"),
    Index("person_request_by_batch", "batch_id", "request_id"),
    Index("person_request_open", "state", "kind", "request_id"),
)

# Packs of evidence that people asked for at the console, for a while: what a pack shows is kept nowhere.
evidence_order = Table(
    "evidence_order",
    metadata,
    Column("order_id", String(26), primary_key=True),
    Column("ordered_by", String(130), nullable=False),
    Column("bank_id", String(32), nullable=False),
    # What it is about, as the ledger names it: an account, an outreach, or the outreach of a letter.
    Column("account_id", String(26), nullable=False),
    Column("outreach_id", String(26), nullable=False),
    Column("letter_number", String(26), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("ordered_real_ms", BigInteger, nullable=False),
    # When it was made last; 0 if it was not.
    Column("made_real_ms", BigInteger, nullable=False),
    Index("evidence_order_by", "ordered_by", "order_id"),
)

# Who made packs of evidence lately: one person alone makes only so many.
evidence_made = Table(
    "evidence_made",
    metadata,
    # Of an order the order's: one that is made again counts once.
    Column("evidence_id", String(26), primary_key=True),
    Column("employee_id", String(64), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index("evidence_made_by", "employee_id", "made_ms"),
)

# Kept PDFs that show an erased person: until letter_service has removed them.
erased_pdf = Table(
    "erased_pdf",
    metadata,
    Column("pdf_sha256", String(64), primary_key=True),
    Column("request_id", String(26), primary_key=True),
    Index("erased_pdf_by_request", "request_id"),
)

account = Table(
    "account",
    metadata,
    Column("account_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("number_hash", String(32), nullable=False),
    Column("number_sealed", LargeBinary, nullable=False),
    # The same of the number's last four characters.
    Column("number_fault", String(200), nullable=False),
    Column("debtor_id", String(26), nullable=False),
    Column("agency_id", String(32), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("recalled", Boolean, nullable=False),
    # When the bank took it back, by the event: only a later placement takes it up again.
    Column("recall_event_ms", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    # False while the bank has not told the amounts after a repayment.
    Column("balance_known", Boolean, nullable=False),
    Column("as_of_ms", BigInteger, nullable=False),
    Column("overdue_fen", BigInteger, nullable=False),
    Column("outstanding_fen", BigInteger, nullable=False),
    Column("minimum_fen", BigInteger, nullable=False),
    Column("due_date", String(10), nullable=False),
    UniqueConstraint("bank_id", "number_hash"),
)

party = Table(
    "party",
    metadata,
    Column("account_id", String(26), primary_key=True),
    Column("person_id", String(26), primary_key=True),
    Column("role", Integer, nullable=False),
    Index("party_by_person", "person_id"),
)

contact = Table(
    "contact",
    metadata,
    Column("person_id", String(26), primary_key=True),
    Column("phone_hash", String(32), primary_key=True),
    Column("phone_sealed", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),
    Column("evidence_sealed", LargeBinary, nullable=False),
)

dead_phone = Table(
    "dead_phone",
    metadata,
    Column("phone_hash", String(32), primary_key=True),
    Column("evidence_sealed", LargeBinary, nullable=False),
)

# Addresses reserved with the bank or confirmed to be the person's own, by the keyed hash of their one spelling.
address = Table(
    "address",
    metadata,
    Column("person_id", String(26), primary_key=True),
    Column("address_hash", String(32), primary_key=True),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),
    Column("evidence_sealed", LargeBinary, nullable=False),
)

# Known-bad addresses: for everybody where the person is empty.
bad_address = Table(
    "bad_address",
    metadata,
    Column("mark_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("address_hash", String(32), nullable=False),
    Column("person_id", String(26), nullable=False),
    Column("reason", Integer, nullable=False),
    Column("masked_address", String(64), nullable=False),
    Column("evidence_sealed", LargeBinary, nullable=False),
    Column("set_by", String(130), nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Index("bad_address_by_hash", "address_hash"),
    Index("bad_address_by_bank", "bank_id", "mark_id"),
)

# No-contact marks. `subject` is a person id, a phone hash or an account id.
mark = Table(
    "mark",
    metadata,
    Column("bank_id", String(32), primary_key=True),
    Column("subject", String(32), primary_key=True),
    Column("reason", Integer, primary_key=True),
    Column("evidence_sealed", LargeBinary, nullable=False),
    Column("set_by", String(130), nullable=False),
    Column("set_ms", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("account_id", String(26), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("reason_sealed", LargeBinary, nullable=False),
    Column("set_by", String(130), nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("lift_requested_by", String(130), nullable=False, default=""),
    Column("lift_reason", String(200), nullable=False, default=""),
    Column("lifted_by", String(130), nullable=False, default=""),
    Index("hold_by_account", "account_id"),
    Index(
        "hold_open", "bank_id", "hold_id", sqlite_where=text("lifted_by = ''"), postgresql_where=text("lifted_by = ''")
    ),
    Index(
        "hold_to_lift",
        "bank_id",
        "hold_id",
        sqlite_where=text("lifted_by = '' AND lift_requested_by <> ''"),
        postgresql_where=text("lifted_by = '' AND lift_requested_by <> ''"),
    ),
)

template = Table(
    "template",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    # A serialized outreach.v1.Template without its filings.
    Column("body", LargeBinary, nullable=False),
    Column("state", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("approved_ms", BigInteger),
    Index("template_by_name", "bank_id", "name"),
)

filing = Table(
    "filing",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("carrier_id", String(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

letter_version = Table(
    "letter_version",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    # A serialized outreach.v1.LetterVersion without its files, which stand beside it as a LetterContent.
    Column("body", LargeBinary, nullable=False),
    Column("files", LargeBinary, nullable=False),
    Column("state", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("approved_ms", BigInteger),
    Index("letter_version_by_name", "bank_id", "name"),
)

# The register of letters that may leave (台账).
quantity = Table(
    "quantity",
    metadata,
    Column("quantity_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    Column("letter_name", String(64), nullable=False),
    Column("team", String(64), nullable=False),
    Column("state", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("granted", Integer, nullable=False),
    # How many outreach have their place in it.
    Column("used", Integer, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("asked_by", String(130), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("decided_by", String(130), nullable=False),
    Column("comment", String(200), nullable=False),
    Column("decided_ms", BigInteger),
    Index("quantity_by_bank", "bank_id", "quantity_id"),
    Index(
        "quantity_with_places",
        "bank_id",
        "letter_name",
        "team",
        sqlite_where=text("used < granted"),
        postgresql_where=text("used < granted"),
    ),
)

policy = Table(
    "policy",
    metadata,
    Column("bank_id", String(32), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    # A serialized outreach.v1.PolicyVersion.
    Column("body", LargeBinary, nullable=False),
    Column("effective_from_ms", BigInteger, nullable=False),
    Column("activated_ms", BigInteger),
    # A serialized outreach.v1.PolicySimulation: the last one of this version.
    Column("simulation", LargeBinary),
)

employee = Table(
    "employee",
    metadata,
    Column("caller_id", String(64), primary_key=True),
    Column("employee_id", String(64), primary_key=True),
    Column("team", String(64), nullable=False),
    Column("active", Boolean, nullable=False),
)

# People who sign in to the console. An active one has a row in `employee`, under the console as caller.
user_account = Table(
    "user_account",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("state", Integer, nullable=False),
    Column("team", String(64), nullable=False),
    # Separated by commas.
    Column("roles", String(400), nullable=False),
    Column("bank_ids", String(2000), nullable=False),
    Column("changed_by", String(130), nullable=False),
    Column("approved_by", String(130), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("must_change_password", Boolean, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("totp_sealed", LargeBinary, nullable=False),
    # The last time step whose code was used: none is good twice.
    Column("totp_step", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_real_ms", BigInteger, nullable=False),
    Column("last_login_real_ms", BigInteger, nullable=False),
    # Who the person is at an OpenID Connect provider; NULL for a local account.
    Column("issuer", String(250)),
    Column("subject", String(255)),
    UniqueConstraint("issuer", "subject"),
)

# The callers that an operator shut out and nobody let in again.
caller_deactivation = Table(
    "caller_deactivation",
    metadata,
    Column("caller_id", String(64), primary_key=True),
    Column("deactivated_by", String(130), nullable=False),
    Column("deactivated_ms", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False),
)

user_session = Table(
    "user_session",
    metadata,
    # SHA-256 of the secret that the browser holds.
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(64), nullable=False),
    Column("opened_real_ms", BigInteger, nullable=False),
    Column("seen_real_ms", BigInteger, nullable=False),
    Column("authenticated_real_ms", BigInteger, nullable=False),
    # SHA-256 of the names by which a provider tells that the person signed out there; empty if it gave none.
    Column("provider_subject_hash", String(64), nullable=False),
    Column("provider_session_hash", String(64), nullable=False),
    Index("user_session_by_user", "user_id"),
)

feed = Table(
    "feed",
    metadata,
    Column("bank_id", String(32), primary_key=True),
    Column("complete_through_ms", BigInteger, nullable=False),
    Column("proven_real_ms", BigInteger, nullable=False),
    # How far what waits for fresh amounts has been looked through since the last mark; NULL once all of it has.
    Column("resume_after", String(26)),
)

bank_event = Table(
    "bank_event",
    metadata,
    Column("bank_id", String(32), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("result", LargeBinary, nullable=False),
)

outreach = Table(
    "outreach",
    metadata,
    Column("outreach_id", String(26), primary_key=True),
    # An outreach.v1.Channel.
    Column("channel", Integer, nullable=False),
    Column("caller_id", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("request_hash", String(32), nullable=False),
    Column("employee_id", String(64), nullable=False),
    Column("team", String(64), nullable=False),
    Column("bank_id", String(32), nullable=False),
    Column("case_id", String(64), nullable=False),
    # Empty where the bank never placed the account or does not know the person.
    Column("account_id", String(26), nullable=False),
    Column("person_id", String(26), nullable=False),
    Column("phone_hash", String(32), nullable=False),
    Column("masked_phone", String(32), nullable=False),
    Column("masked_account", String(16), nullable=False),
    # A letter's: the keyed hash of the address's one spelling, and its province and city. Empty for an SMS.
    Column("address_hash", String(32), nullable=False),
    Column("masked_address", String(64), nullable=False),
    # An outreach.v1.PostalClass; 0 for an SMS.
    Column("postal_class", Integer, nullable=False),
    # The letter's name within the bank; empty for an SMS.
    Column("letter_name", String(64), nullable=False),
    # The line of the register whose place the letter takes; empty for none.
    Column("quantity_id", String(26), nullable=False),
    # True once a reviewer released a letter that waited for CARE_AMOUNT.
    Column("care_released", Boolean, nullable=False),
    # An SMS's phone number and variables, or a letter's content (letter_context.LetterContent); empty where there is no
    # person to seal them for.
    Column("request_sealed", LargeBinary, nullable=False),
    # The digest of the template's or of the letter's version.
    Column("template_digest", String(64), nullable=False),
    Column("state", Integer, nullable=False),
    Column("due_ms", BigInteger),
    Column("waiting_for", String(32), nullable=False),
    Column("cause", String(32), nullable=False),
    # The caller's; 0 for none. What waited for something without a time is not due before it.
    Column("not_before_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    # The serialized Decision as it was answered, and the findings since as rule codes.
    Column("decision", LargeBinary, nullable=False),
    Column("codes", String(400), nullable=False),
    Column("attempt_id", String(26), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # What the bank's record said when it was decided, for simulations: as of when amounts and feed were confirmed (0 if
    # they were not), what was overdue (a letter's; NULL if unknown), whether the person agreed to any hour.
    Column("amounts_ms", BigInteger, nullable=False),
    Column("overdue_fen", BigInteger),
    Column("agreed_to_quiet_hours", Boolean, nullable=False),
    UniqueConstraint("caller_id", "request_id"),
    Index(
        "outreach_due",
        "channel",
        "bank_id",
        "due_ms",
        "outreach_id",
        sqlite_where=text("state = 1"),
        postgresql_where=text("state = 1"),
    ),
    Index(
        "outreach_expiry",
        "not_after_ms",
        sqlite_where=text("state IN (1, 10)"),
        postgresql_where=text("state IN (1, 10)"),
    ),
    Index(
        "outreach_awaiting",
        "bank_id",
        "letter_name",
        "team",
        "outreach_id",
        sqlite_where=text("state = 10"),
        postgresql_where=text("state = 10"),
    ),
    Index("outreach_by_account", "account_id"),
    Index("outreach_by_case", "bank_id", "case_id"),
    Index("outreach_by_person", "person_id"),
    Index("outreach_by_phone", "phone_hash"),
    Index(
        "outreach_by_address",
        "bank_id",
        "address_hash",
        sqlite_where=text("address_hash <> ''"),
        postgresql_where=text("address_hash <> ''"),
    ),
    Index("outreach_by_day", "bank_id", "created_ms"),
    # The states that few are in at a time. Not those through which each SMS passes as it is admitted, or in which most
    # end: no index is paid for at the door. No list of states, which SQLite would build anew for each row that moves.
    Index(
        "outreach_by_state",
        "bank_id",
        "state",
        "created_ms",
        "outreach_id",
        sqlite_where=text("(state = 2 OR state > 4 AND state < 7 OR state > 8)"),
        postgresql_where=text("(state = 2 OR state > 4 AND state < 7 OR state > 8)"),
    ),
    Index(
        "outreach_blocked",
        "bank_id",
        "state",
        "created_ms",
        "codes",
        sqlite_where=text("state = 7"),
        postgresql_where=text("state = 7"),
    ),
    # For counts of what waits and why: what waits for nothing is not in it.
    Index(
        "outreach_held",
        "bank_id",
        "codes",
        sqlite_where=text("state = 1 AND codes <> ''"),
        postgresql_where=text("state = 1 AND codes <> ''"),
    ),
    Index(
        "outreach_waiting",
        "waiting_for",
        "bank_id",
        "outreach_id",
        sqlite_where=text("state = 1 AND waiting_for <> ''"),
        postgresql_where=text("state = 1 AND waiting_for <> ''"),
    ),
)

# What kept an outreach from leaving: each wait and its end (without codes), a cancellation, a letter being pulled.
detour = Table(
    "detour",
    metadata,
    Column("outreach_id", String(26), primary_key=True),
    # The number of its ledger entry.
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
    # ADMITTED, CANCELLED or TO_PULL.
    Column("state", Integer, nullable=False),
    Column("codes", String(400), nullable=False),
    # When it was due after this; NULL where it waited for something without a time.
    Column("due_ms", BigInteger),
)

print_run = Table(
    "print_run",
    metadata,
    Column("run_id", String(26), primary_key=True),
    Column("bank_id", String(32), nullable=False),
    # The caller's, unique within the bank.
    Column("run_request_id", String(64), nullable=False),
    Column("version_digest", String(64), nullable=False),
    Column("letter_name", String(64), nullable=False),
    Column("envelope", String(16), nullable=False),
    Column("postal_class", Integer, nullable=False),
    # An outreach.v1.RunState.
    Column("state", Integer, nullable=False),
    Column("started_by", String(130), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("pdf_sha256", String(64), nullable=False),
    # How often its PDF was released, and to whom and when last.
    Column("releases", Integer, nullable=False),
    Column("station", String(64), nullable=False),
    Column("released_real_ms", BigInteger, nullable=False),
    # Why its numbers do not meet, and who said so first.
    Column("explanation", String(500), nullable=False),
    Column("explained_by", String(130), nullable=False),
    UniqueConstraint("bank_id", "run_request_id"),
    Index("print_run_by_bank", "bank_id", "run_id"),
    Index("print_run_to_render", "run_id", sqlite_where=text("state = 1"), postgresql_where=text("state = 1")),
)

# One row per letter number: one print of an outreach, as an attempt is one sending.
letter = Table(
    "letter",
    metadata,
    Column("letter_number", String(26), primary_key=True),
    Column("outreach_id", String(26), nullable=False),
    Column("run_id", String(26), nullable=False),
    # Its place in the run, from 1.
    Column("position", Integer, nullable=False),
    Column("bank_id", String(32), nullable=False),
    Column("account_id", String(26), nullable=False),
    Column("person_id", String(26), nullable=False),
    # An outreach.v1.LetterState.
    Column("state", Integer, nullable=False),
    # Confirmed as printed, whatever came of it since.
    Column("printed", Boolean, nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("delivered", Boolean, nullable=False),
    # Why it is to be pulled: a rule code, REQUESTED or REPAID_IN_PART.
    Column("cause", String(32), nullable=False),
    # To be printed anew under another number once it is taken out: its amount changed.
    Column("made_anew", Boolean, nullable=False),
    # What the rules said at the scan that handed it to the post.
    Column("codes", String(400), nullable=False),
    Column("released_ms", BigInteger, nullable=False),
    Column("policy_version", BigInteger, nullable=False),
    # The amounts that it shows.
    Column("balance_sequence", BigInteger, nullable=False),
    Column("overdue_fen", BigInteger, nullable=False),
    Column("outstanding_fen", BigInteger, nullable=False),
    # The LetterPermit as it was given: what was printed, word for word.
    Column("permit_sealed", LargeBinary, nullable=False),
    Column("sheets", Integer, nullable=False),
    Column("pdf_sha256", String(64), nullable=False),
    Column("item_number", String(20), nullable=False),
    Column("mailed_ms", BigInteger, nullable=False),
    # The reference of the post's list that has it; empty for none.
    Column("acceptance", String(100), nullable=False),
    # An outreach.v1.ReturnReason, and what its return did.
    Column("return_reason", Integer, nullable=False),
    Column("return_scan_sha256", String(64), nullable=False),
    Column("address_closed", Boolean, nullable=False),
    Column("hold_id", String(26), nullable=False),
    # The letter number that was given in its place; empty for none.
    Column("replaced_by", String(26), nullable=False),
    UniqueConstraint("run_id", "position"),
    Index("letter_by_outreach", "outreach_id"),
    Index("letter_by_account", "account_id", "released_ms"),
    Index("letter_by_bank", "bank_id", "state", "run_id", "position"),
    Index(
        "letter_by_item",
        "item_number",
        sqlite_where=text("item_number <> ''"),
        postgresql_where=text("item_number <> ''"),
    ),
)

# What came back with a letter: a JPEG, sealed under the key of the person it was written to.
return_scan = Table(
    "return_scan",
    metadata,
    Column("letter_number", String(26), primary_key=True),
    Column("person_id", String(26), nullable=False),
    Column("image_sealed", LargeBinary, nullable=False),
)

attempt = Table(
    "attempt",
    metadata,
    Column("attempt_id", String(26), primary_key=True),
    Column("outreach_id", String(26), nullable=False),
    Column("lease_id", String(64), nullable=False),
    Column("worker_id", String(64), nullable=False),
    Column("bank_id", String(32), nullable=False),
    Column("person_id", String(26), nullable=False),
    Column("identity", String(32), nullable=False),
    Column("phone_hash", String(32), nullable=False),
    Column("carrier_id", String(32), nullable=False),
    Column("state", Integer, nullable=False),
    # False once it is certain that nothing left: it counts toward no cap then.
    Column("may_have_left", Boolean, nullable=False),
    Column("released_ms", BigInteger, nullable=False),
    Column("released_real_ms", BigInteger, nullable=False),
    Column("report_by_real_ms", BigInteger, nullable=False),
    Column("template_digest", String(64), nullable=False),
    Column("policy_version", BigInteger, nullable=False),
    Column("balance_sequence", BigInteger, nullable=False),
    # The Permit as it was given: what left, word for word.
    Column("permit_sealed", LargeBinary, nullable=False),
    Column("carrier_message_id", String(128), nullable=False),
    Column("carrier_code", String(128), nullable=False),
    Column("segments", Integer, nullable=False),
    # How often the carrier was asked about it, and when it is to be asked next.
    Column("lookups", Integer, nullable=False),
    Column("next_lookup_real_ms", BigInteger, nullable=False),
    Index("attempt_by_outreach", "outreach_id"),
    Index("attempt_by_lease", "lease_id"),
    Index("attempt_by_identity", "identity", "released_ms"),
    Index("attempt_by_phone", "phone_hash", "released_ms"),
    Index(
        "attempt_by_carrier_id",
        "carrier_id",
        "carrier_message_id",
        sqlite_where=text("carrier_message_id <> ''"),
        postgresql_where=text("carrier_message_id <> ''"),
    ),
    Index("attempt_open", "state", "report_by_real_ms"),
    Index("attempt_by_day", "bank_id", "released_ms", "may_have_left"),
)

attempt_segment = Table(
    "attempt_segment",
    metadata,
    Column("attempt_id", String(26), primary_key=True),
    # The carrier's id of one segment of a long message.
    Column("message_id", String(128), primary_key=True),
    Column("carrier_id", String(32), nullable=False),
    Column("delivered", Boolean, nullable=False),
    Index("attempt_segment_by_carrier_id", "carrier_id", "message_id"),
)

reply = Table(
    "reply",
    metadata,
    Column("reply_id", String(26), primary_key=True),
    Column("carrier_id", String(32), nullable=False),
    Column("carrier_reply_id", String(128), nullable=False),
    Column("bank_id", String(32), nullable=False),
    Column("caller_id", String(64), nullable=False),
    Column("outreach_id", String(26), nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("person_id", String(26), nullable=False),
    Column("masked_phone", String(32), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("carrier_id", "carrier_reply_id"),
    Index("reply_by_bank", "bank_id", "reply_id"),
    Index("reply_by_outreach", "outreach_id"),
)
