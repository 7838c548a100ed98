-- Adoption of an existing database. Each table of the application has a copy npi_adopt_<table> before the swap, and its
-- original is npi_original_<table> after it.

-- The running adoption. `shape` is a digest of the tables that it creates. If it no longer matches, the application has
-- altered a table, and the copy starts again.
CREATE TABLE npi_adoption (
  run_id CHAR(36) NOT NULL PRIMARY KEY,
  shape CHAR(64) NOT NULL,
  started_at DATETIME(6) NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- The copied ranges of NPIs. Written in the transaction that copies their rows. `checksums` has one checksum per original
-- table, taken just before its rows were read; a different one later means that rows have changed.
CREATE TABLE npi_adoption_range (
  range_no INT UNSIGNED NOT NULL PRIMARY KEY,
  from_npi BIGINT NOT NULL,
  to_npi BIGINT NOT NULL,
  checksums JSON NOT NULL,
  counts JSON NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
