"""The endpoints of invoices as they stand, their papers, and the tax set-up."""
