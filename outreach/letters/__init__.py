"""What a letter version says and how it must look: the text format, the bank's own PDFs, lint, capitals, envelopes.

Pure, without I/O: the authority lints before anybody is asked, letter_service lays out what was authorized.
"""
