"""Letters as PDF: lays out authorized versions, renders print runs, keeps the PDFs. Holds no state of its own."""
