"""What a policy version would have decided of past requests: read, judged anew by the real rules, counted."""
