"""How a message is worded, drawn and handed over."""
