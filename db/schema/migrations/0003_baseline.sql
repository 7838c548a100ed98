-- The full registry: its shadow tables (npi_shadow_<run>_<epoch>_<table>, made for each run), and which one is live.

-- The baseline that is being loaded. `staged` is JSON's null until the whole file is split into its ranges.
CREATE TABLE npi_shadow (
  run_id CHAR(36) NOT NULL PRIMARY KEY,
  file_name VARCHAR(120) NOT NULL,
  release_id BIGINT NOT NULL,
  range_count INT UNSIGNED NOT NULL,
  staged JSON NOT NULL,
  is_searched BOOLEAN NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Which ranges of NPIs are in the shadow tables; written in the transaction that brings their rows.
CREATE TABLE npi_shadow_range (
  run_id CHAR(36) NOT NULL,
  range_no INT UNSIGNED NOT NULL,
  counts JSON NOT NULL,
  PRIMARY KEY (run_id, range_no)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Which baseline is live: a table of one row that is renamed together with the tables that it speaks of, so it cannot
-- lie. Empty before the first. The ledger is completed from it.
CREATE TABLE npi_live (
  release_id BIGINT NOT NULL PRIMARY KEY,
  baseline JSON NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Weeklies that a baseline brought along with it: nobody has to load them any more.
CREATE TABLE npi_superseded (
  file_name VARCHAR(120) NOT NULL PRIMARY KEY,
  period_end DATE NOT NULL,
  superseded_by BIGINT NOT NULL,
  noted_at DATETIME(6) NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Full rows of weeklies that were older than what was known: a baseline may take away what they were held against, and
-- then they count. `fields` holds the loaded columns in their order.
CREATE TABLE npi_stale (
  npi BIGINT NOT NULL,
  release_id BIGINT NOT NULL,
  fields JSON NOT NULL,
  PRIMARY KEY (npi, release_id),
  KEY by_release (release_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
