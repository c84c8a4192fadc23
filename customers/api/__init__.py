"""The endpoints of customers, their cards as they are kept, and brands."""
