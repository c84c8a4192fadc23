"""The books over the API: read only, for keys with the scope `admin`."""
