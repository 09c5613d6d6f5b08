"""The carriers, one file each behind the seam in `seam.py`; `registry.py` lists the kinds."""
