"""Looking for works in search services: one file a service, merged, asked in turn by the cascade."""
