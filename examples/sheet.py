"""The sheets that generate.py fills: placements, bank events, cases, and what the rules must make of them."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DAY = "2026-03-17"
AGENCY = "demo-agency"
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏"
STEMS = "甲乙丙丁戊己庚辛壬癸"


def at(time: str, day: str = DAY) -> str:
    """A moment of the day in China, as the files write it."""
    return f"{day}T{time}:00+08:00"


@dataclass(slots=True)
class Account:
    """A placed account. The debtor comes first among the parties: (role, customer, name, phones, agreed)."""

    bank: str
    number: str
    parties: list[tuple[str, str, str, str, bool]]
    address: str = ""
    """Reserved with the bank for the debtor; empty for none."""
    agency: str = AGENCY
    start: str = at("00:00", "2026-03-01")
    end: str = at("00:00", "2026-06-01")
    as_of: str = at("06:00")
    overdue_fen: int = 0

    @property
    def customer(self) -> str:
        return self.parties[0][1]

    @property
    def phone(self) -> str:
        return self.parties[0][3]


@dataclass(slots=True)
class Group:
    """Cases that show one rule, and why they end as they do."""

    name: str
    reason: str
    outcomes: Counter[str] = field(default_factory=Counter)


class Sheet:
    """Everything of the example day, in the order in which it was added."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.cases: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.groups: list[Group] = []
        self.letters: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.expected: dict[str, str] = {}
        self.expected_letters: dict[str, str] = {}
        self._people = 0

    def person(self, bank: str, role: str = "debtor", *, tail: str = "", agreed: bool = False) -> Any:
        """Somebody who cannot exist: 154 is no prefix of any operator, and nobody is named after a heavenly stem so."""
        self._people += 1
        n = self._people
        name = f"{SURNAMES[n % len(SURNAMES)]}例{STEMS[n // len(SURNAMES) % len(STEMS)]}"
        prefix = "DC" if bank == "demo-bank" else "SC"
        return role, f"{prefix}-26-{n:04d}", name, f"154{n:04d}{tail or 1000 + n:0>4}", agreed

    def account(self, bank: str, *others: Any, tail: str = "", agreed: bool = False, **changes: Any) -> Account:
        number = f"{'DEMO' if bank == 'demo-bank' else 'SAMP'}-26-{len(self.accounts) + 1:04d}"
        parties = [self.person(bank, tail=tail, agreed=agreed), *others]
        changes.setdefault("overdue_fen", 100_000 + 1_234 * len(self.accounts))
        made = Account(bank, number, parties, **changes)
        self.accounts.append(made)
        return made

    def group(self, name: str, chinese: str, english: str) -> None:
        """Begins a group; the words say why its cases end as they do."""
        self.groups.append(Group(name, f"{chinese} · {english}"))

    def case(
        self, wave: str, account: Account, outcome: str, *, clerk: str = "clerk-1", request_id: str = "", **fields: str
    ) -> str:
        """A request in the latest group. `outcome` is its state and codes at the end; empty if it stores nothing."""
        group = self.groups[-1]
        request_id = request_id or f"{group.name}-{group.outcomes.total() + 1:02d}"
        row = {
            "request_id": request_id,
            "bank_id": account.bank,
            "account_number": account.number,
            "phone_number": account.phone,
            "template_name": "due-reminder",
            "case_id": f"CASE-{request_id}",
        }
        row |= {name.replace("__", "."): text for name, text in fields.items()}
        if row["template_name"] == "due-reminder":
            row.setdefault("var.hotline", "010-00000001" if account.bank == "demo-bank" else "010-00000002")
        self.cases[f"{wave.replace(':', '')}-{clerk}"].append(row)
        group.outcomes[outcome or "—"] += 1
        if outcome:
            self.expected[request_id] = outcome
        return request_id

    def letter(self, wave: str, account: Account, outcome: str, *, clerk: str = "clerk-1", **fields: str) -> str:
        """A letter in the latest group, to the account's reserved address unless another is given."""
        group = self.groups[-1]
        request_id = f"{group.name}-{group.outcomes.total() + 1:02d}"
        row = {
            "request_id": request_id,
            "bank_id": account.bank,
            "account_number": account.number,
            "address": account.address,
            "letter_name": "payment-notice",
            "postal_class": "ordinary" if account.bank == "demo-bank" else "registered",
            "case_id": f"CASE-{request_id}",
            "call_time": at("10:00", "2026-03-10"),
            "call_outcome": "answered",
            "recording_reference": f"REC-{request_id}",
        }
        self.letters[f"{wave.replace(':', '')}-{clerk}"].append(row | fields)
        group.outcomes[outcome] += 1
        self.expected_letters[request_id] = outcome
        return request_id

    def event(self, time: str, bank: str, kind: str, body: dict[str, Any]) -> None:
        events = self.events[bank]
        event_id = f"{bank}-{len(events) + 1:03d}"
        events.append({"eventId": event_id, "bankId": bank, "eventTime": at(time), kind: body})

    def write(self, folder: Path) -> None:
        self._write_placements(folder)
        for bank, events in self.events.items():
            lines = (json.dumps(event, ensure_ascii=False) for event in sorted(events, key=lambda e: e["eventTime"]))
            (folder / bank / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for name, rows in self.cases.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            _write_csv(folder / "cases" / f"{name}.csv", columns, rows)
        for name, rows in self.letters.items():
            _write_csv(folder / "letters" / f"{name}.csv", list(rows[0]), rows)
        (folder / "expected.json").write_text(json.dumps(self._summary(), indent=2) + "\n", encoding="utf-8")
        readme = folder / "README.md"
        before, _, rest = readme.read_text(encoding="utf-8").partition("<!-- groups -->")
        _, _, after = rest.partition("<!-- end of groups -->")
        table = f"<!-- groups -->\n{self._table()}\n<!-- end of groups -->"
        readme.write_text(before + table + after, encoding="utf-8")

    def _write_placements(self, folder: Path) -> None:
        by_bank: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for account in self.accounts:
            for index, (role, customer, name, phones, agreed) in enumerate(account.parties):
                money = {} if index else _money(account, f"placement-{len(by_bank[account.bank]) + 1:04d}")
                by_bank[account.bank].append({
                    "account_number": account.number, "role": role, "customer_id": customer, "name": name,
                    "phone_numbers": phones, "addresses": "" if index else account.address,
                    "agreed_to_quiet_hours": "true" if agreed else "", **money,
                })  # fmt: skip
        for bank, rows in by_bank.items():
            _write_csv(folder / bank / "placements.csv", list(dict.fromkeys(c for row in rows for c in row)), rows)

    def _summary(self) -> dict[str, Any]:
        return {
            "sms": _counts(self.expected),
            "letters": _counts(self.expected_letters),
            "cases": self.expected | self.expected_letters,
        }

    def _table(self) -> str:
        lines = ["", "| group | n | ends as | why |", "|---|--:|---|---|"]
        for group in self.groups:
            ends = "<br>".join(f"{count} × {outcome}" for outcome, count in group.outcomes.items())
            lines.append(f"| {group.name} | {group.outcomes.total()} | {ends} | {group.reason} |")
        return "\n".join(lines) + "\n"


def _counts(expected: dict[str, str]) -> dict[str, dict[str, int]]:
    """By state and by code, as GetSummary tells them: the codes of what is blocked, cancelled, pulled or waiting."""
    states: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for outcome in expected.values():
        state, *found = outcome.split()
        states[state] += 1
        if state != "EXPIRED":
            codes.update(found)
    return {"states": dict(sorted(states.items())), "codes": dict(sorted(codes.items()))}


def _money(account: Account, event_id: str) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "agency_id": account.agency,
        "product_name": "信用卡",
        "start_time": account.start,
        "end_time": account.end,
        "sequence": 1,
        "as_of_time": account.as_of,
        "overdue_amount_fen": account.overdue_fen,
        "outstanding_amount_fen": account.overdue_fen * 4,
        "minimum_payment_fen": account.overdue_fen // 10,
        "due_date": "2026-02-20",
    }


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
