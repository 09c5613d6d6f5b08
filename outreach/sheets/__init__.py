"""Tables as offices make and open them: .xlsx that anybody may have made, and lists to take away."""
