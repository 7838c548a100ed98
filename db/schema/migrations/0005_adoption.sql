-- The adoption of a database that is already there: beside each table of the application stands npi_adopt_<table> until
-- the swap, and npi_original_<table> after it.

-- The adoption that is under way. `shape` is a digest of the tables that it makes: when it does not fit any more, the
-- application has altered a table meanwhile, and the copy begins anew.
CREATE TABLE npi_adoption (
  run_id CHAR(36) NOT NULL PRIMARY KEY,
  shape CHAR(64) NOT NULL,
  started_at DATETIME(6) NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Which ranges of NPIs are copied; written in the transaction that brings their rows. `checksums` are those of the
-- originals just before they were read, one a table: what differs later has changed since.
CREATE TABLE npi_adoption_range (
  range_no INT UNSIGNED NOT NULL PRIMARY KEY,
  from_npi BIGINT NOT NULL,
  to_npi BIGINT NOT NULL,
  checksums JSON NOT NULL,
  counts JSON NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
