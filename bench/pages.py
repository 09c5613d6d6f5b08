"""The console's pages against the clock: `python -m bench.pages STATE_DIR HOST:PORT [REPEAT]`, of an installation that
runs. Prints each page's median and 95th percentile in milliseconds, over one connection, and the CPU time that gateway
and authority took for one: what else the machine does weighs on that least. What they do by themselves is in it.
"""

from __future__ import annotations

import html
import http.client
import re
import statistics
import sys
import time
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote, urlencode

import orjson
import psutil
import pyotp

PAUSE_S = 1.1
STEP_S = 30
NEW_PASSWORD = "bench pages correct horse"  # noqa: S105  # of an example's account
FIRST_ROW = re.compile(r'<tbody[^>]*>.*?<a href="([^"]+)"', re.DOTALL)
PAGES = (
    ("reviewer-1", "/"),
    ("supervisor-1", "/"),
    ("mailroom-1", "/"),
    ("operator-1", "/"),
    ("supervisor-1", "/outreach"),
    ("supervisor-1", "/outreach?state=BLOCKED"),
    ("supervisor-1", "/outreach?state=ADMITTED"),
    ("supervisor-1", "/outreach?state=UNCONFIRMED"),
    ("supervisor-1", "/outreach?state=RETURNED"),
    ("supervisor-1", f"/outreach?name={quote('王**')}"),
    ("supervisor-1", f"/outreach?name={quote('欧***')}"),
    ("supervisor-1", "/outreach?waiting=CONTACT_UNVERIFIED"),
    ("supervisor-1", "/outreach?code=CONTACT_UNVERIFIED"),
    ("supervisor-1", "/outreach?since=2026-03-01&until=2026-03-02"),
    ("supervisor-1", "/outreach?case=CROWD-100000"),
    ("supervisor-1", "/outreach?account=DEMO-26-0003"),
    ("supervisor-1", "first of /outreach"),
    ("supervisor-1", "first of /outreach?since=2026-02-20&until=2026-02-20"),
    ("supervisor-1", "first of /outreach?state=RETURNED&since=2026-03-01&until=2026-03-10"),
    ("supervisor-1", "/accounts?account=DEMO-26-0003"),
    ("supervisor-1", "/events"),
    ("supervisor-1", "/evidence"),
    ("drafter-1", "/templates"),
    ("reviewer-1", "first of /templates"),
    ("drafter-1", "/letter-versions"),
    ("reviewer-1", "first of /letter-versions"),
    ("policy-maker", "/policies"),
    ("policy-maker", "first of /policies"),
    ("administrator-1", "/quantities"),
    ("mailroom-1", "/mailroom"),
    ("mailroom-1", "first of /mailroom"),
    ("mailroom-1", "/mailroom/returns"),
    ("mailroom-1", "/clinic"),
    ("operator-1", "/unconfirmed"),
    ("operator-1", "/people"),
    ("inspector-1", "/ledger"),
    ("inspector-1", "/ledger?kind=returned"),
    ("inspector-1", "/ledger?word=CROWD-000000001"),
)


class Visitor:
    """Somebody with a browser, on one connection."""

    def __init__(self, address: str, password: str, secret: str, name: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=120)
        self._cookies: dict[str, str] = {}
        time.sleep(PAUSE_S)
        code = pyotp.TOTP(secret).now()
        status, _, body = self._ask("POST", "/sign-in", {"name": name, "password": password, "code": code, "to": "/"})
        if status != 303:
            raise SystemExit(f"{name}: {status} {body[-2000:]}")
        if self._ask("GET", "/")[1] == "/password":
            token = re.search(r'name="form_token" value="([^"]+)"', self._ask("GET", "/password")[2])
            new = {"old": password, "new": NEW_PASSWORD, "again": NEW_PASSWORD}
            self._ask("POST", "/password", {"form_token": token[1] if token else "", **new})

    def get(self, path: str) -> tuple[float, str]:
        """The seconds and the page."""
        started = time.perf_counter()
        status, _, body = self._ask("GET", path)
        took = time.perf_counter() - started
        if status != 200:
            print(f"{path}: {status}", file=sys.stderr)
        return took, body

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, where it leads, and the page."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form) if form is not None else None
        try:
            answer = self._answer(method, path, body, headers)
        except http.client.RemoteDisconnected:  # while nobody asked anything
            self._connection.close()
            answer = self._answer(method, path, body, headers)
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()

    def _answer(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request(method, path, body, headers)
        return self._connection.getresponse()


def visitors(state_dir: Path, url: str) -> dict[str, Visitor]:
    users = orjson.loads((state_dir / "console-users.json").read_bytes())
    kept = state_dir / "bench-passwords.json"
    changed: list[str] = orjson.loads(kept.read_bytes()) if kept.exists() else []
    found = {}
    for name in sorted({who for who, _ in PAGES}):
        password = NEW_PASSWORD if name in changed else users[name]["password"]
        found[name] = Visitor(url, password, users[name]["totp_secret"], name)
        kept.write_bytes(orjson.dumps(sorted({*changed, *found})))
    return found


def _cpu_ms(process: psutil.Process) -> float:
    times = process.cpu_times()
    return (times.user + times.system) * 1000


def main() -> None:
    state_dir, url = Path(sys.argv[1]), sys.argv[2]
    repeat = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    people = visitors(state_dir, url)
    pids = orjson.loads((state_dir / "processes.json").read_bytes())
    servers = [psutil.Process(pids[name]) for name in ("gateway", "approval_service")]
    print(f"{'page':75} {'median':>8} {'p95':>8} {'gateway':>8} {'approval':>8} ms")
    for who, page in PAGES:
        visitor, path = people[who], page
        if page.startswith("first of "):
            link = FIRST_ROW.search(visitor.get(page.removeprefix("first of "))[1])
            if link is None:
                print(f"{who + ' ' + page:75} nothing listed", flush=True)
                continue
            path = quote(html.unescape(link[1]), safe="/?=&%")
        visitor.get(path)
        before = [_cpu_ms(server) for server in servers]
        times = sorted(visitor.get(path)[0] * 1000 for _ in range(repeat))
        took = [(_cpu_ms(server) - was) / repeat for server, was in zip(servers, before, strict=True)]
        p95 = times[min(int(len(times) * 0.95), len(times) - 1)]
        columns = " ".join(f"{ms:8.1f}" for ms in (statistics.median(times), p95, *took))
        print(f"{who + ' ' + page:75} {columns}", flush=True)


if __name__ == "__main__":
    main()
