"""`python -m outreach.cli` is the same as the command `outreach`."""

from outreach.cli.main import main

main()
