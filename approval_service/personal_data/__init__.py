"""Personal data as its subject's own matter: erased, restricted, kept no longer than it must be, and given out."""
