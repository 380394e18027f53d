"""The pages of people: their account, what lets them in, whom they let in, and what they did."""
