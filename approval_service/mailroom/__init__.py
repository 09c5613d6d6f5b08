"""The mailroom's use cases: print runs, the scans that follow each letter, and what comes back."""
