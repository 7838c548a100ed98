-- Their rows are in npi_version since 0008.
DROP TABLE IF EXISTS npi_stub;

DROP TABLE IF EXISTS npi_stale;
