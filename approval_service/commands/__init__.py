"""Offline commands of the authority's own rules; the `outreach` command finds them as entry points."""
