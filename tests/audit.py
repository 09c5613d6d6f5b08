"""`python -m tests.audit code` runs bandit, `python -m tests.audit packages` pip-audit. What they find and is meant to
be is explained: on its line, or in the tables here. An unexplained finding, or an explanation without one, fails.

A package index without a vulnerability service, and a machine without network, cannot be asked: that is said, and
fails nothing.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import orjson

CODE = ("outreach", "approval_service", "sms_service", "letter_service", "gateway", "carrier_simulator", "k8s")
GENERATED = "outreach/v1"
LEFT_TO_RUFF = "B105"
"""Passwords in the code: ruff's S105 finds them too, and does not take every value of a key such as `pass` for one."""
EXPLAINED = {
    ("B406", "letter_service/layout/pdf.py"): "escape() writes XML and reads none",
    ("B406", "outreach/evidence/pdf_document.py"): "escape() writes XML and reads none",
}
"""Findings of bandit that ruff does not have, so that no `noqa` on the line explains them."""
ACCEPTED: dict[str, str] = {}
"""Vulnerabilities by id that do not concern us, each with the reason and the date of that decision."""
KNOWN_BAD = "jinja2==2.11.2"
"""Has had published vulnerabilities for years: a service that knows none of them knows nothing."""
TIMEOUT_S = 240


def audit_code() -> int:
    """Runs bandit; prints what nothing explains."""
    arguments = ["-q", "-f", "json", "-s", LEFT_TO_RUFF, "-x", GENERATED, "-r", *CODE]
    results = orjson.loads(_run("bandit", *arguments))["results"]
    explained_here = {(item["test_id"], item["filename"]) for item in results if not _explained_on_its_line(item)}
    problems = [
        f"{item['filename']}:{item['line_number']}: {item['test_id']} {item['issue_text']}"
        for item in results
        if not _explained_on_its_line(item) and (item["test_id"], item["filename"]) not in EXPLAINED
    ]
    problems += [f"{path}: {test} is explained and not found" for test, path in EXPLAINED.keys() - explained_here]
    return _tell(f"bandit: {len(results)} findings, explained", problems)


def _explained_on_its_line(item: dict[str, Any]) -> bool:
    """Ruff's rule Sxxx is bandit's Bxxx: the reason after its `noqa` counts for both."""
    lines = Path(item["filename"]).read_text(encoding="utf-8").splitlines()[item["line_number"] - 1 :]
    _, found, reason = lines[0].partition(f"noqa: S{item['test_id'][1:]}")
    return bool(found and reason.strip(" #-"))


def audit_packages() -> int:
    """Runs pip-audit over both locks' packages; prints vulnerabilities that nothing explains."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as canary:
        canary.write(KNOWN_BAD + "\n")
        canary.flush()
        if not any(item.get("vulns") for item in _pip_audit(canary.name)):
            sys.stdout.write(
                "未查漏洞：此处连不上漏洞库（pip-audit），请在能连上处运行 make audit。VULNERABILITIES NOT CHECKED: no "
                "vulnerability service answers here; run `make audit` where one does.\n"
            )
            return 0
    audited = _pip_audit("requirements.lock")
    if not audited:
        return _tell("", ["pip-audit ended without an answer"])
    skipped = [item["name"] for item in audited if "skip_reason" in item]
    found = {(v["id"], item["name"], item.get("version", "")) for item in audited for v in item.get("vulns", ())}
    problems = [f"{name} {version}: {id_}" for id_, name, version in sorted(found) if id_ not in ACCEPTED]
    problems += [f"{id_} is accepted and not found" for id_ in ACCEPTED.keys() - {id_ for id_, _, _ in found}]
    note = f"; unknown to the service: {', '.join(skipped)}" if skipped else ""
    return _tell(f"pip-audit: {len(audited)} packages{note}", problems)


def _pip_audit(requirements: str) -> list[dict[str, Any]]:
    output = _run("pip-audit", "-r", requirements, "--disable-pip", "--no-deps", "--progress-spinner=off", "-f", "json")
    return orjson.loads(output)["dependencies"] if output.strip() else []


def _run(tool: str, *arguments: str) -> str:
    command = [str(Path(sysconfig.get_path("scripts")) / tool), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def _tell(what: str, problems: list[str]) -> int:
    sys.stdout.write("".join(f"{problem}\n" for problem in problems) or f"{what}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit({"code": audit_code, "packages": audit_packages}[sys.argv[1]]())
