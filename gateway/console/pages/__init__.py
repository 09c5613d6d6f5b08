"""One module per group of pages: reads, forms, and what they post. A page decides nothing: the authority does."""
