"""Letters on paper: a pure library, which reads nothing but its fonts.

`press.Press(letter)` prepares a version once. `Press.letter(permit)` gives one letter's archive copy as PDF/A-2b,
`Press.run(permits, out)` streams a print run. The same input gives the same bytes.
"""
