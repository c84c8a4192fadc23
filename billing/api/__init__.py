"""The endpoints that run the engine: starts, seats, cards, charges, balances, test clocks, papers."""
