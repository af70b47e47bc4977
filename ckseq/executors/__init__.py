"""Where units of work run: on processes of this machine, or on the workers of a Dask cluster."""
