"""The endpoints of the catalogue, of vouchers, and of subscriptions as they stand."""
