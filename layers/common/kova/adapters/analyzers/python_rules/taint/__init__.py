"""Rules that follow values: input to what it harms, guessable numbers to secrets."""
