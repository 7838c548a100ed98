-- Baselines: the shadow tables of each run (npi_shadow_<run>_<epoch>_<table>), and which baseline is live.

-- The monthly that is being loaded. `staged` is JSON null until the whole file is split into ranges.
CREATE TABLE npi_shadow (
  run_id CHAR(36) NOT NULL PRIMARY KEY,
  file_name VARCHAR(120) NOT NULL,
  release_id BIGINT NOT NULL,
  range_count INT UNSIGNED NOT NULL,
  staged JSON NOT NULL,
  is_searched BOOLEAN NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- The ranges of NPIs that are in the shadow tables. Written in the transaction that loads their rows.
CREATE TABLE npi_shadow_range (
  run_id CHAR(36) NOT NULL,
  range_no INT UNSIGNED NOT NULL,
  counts JSON NOT NULL,
  PRIMARY KEY (run_id, range_no)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Which baseline is live. This table of one row is renamed together with the tables that it describes, so it is always
-- right. Empty before the first baseline. The ledger is completed from it.
CREATE TABLE npi_live (
  release_id BIGINT NOT NULL PRIMARY KEY,
  baseline JSON NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Weeklies that a baseline already contains. They are no longer due.
CREATE TABLE npi_superseded (
  file_name VARCHAR(120) NOT NULL PRIMARY KEY,
  period_end DATE NOT NULL,
  superseded_by BIGINT NOT NULL,
  noted_at DATETIME(6) NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Full rows of weeklies that were older than the known rows. A baseline may remove a known row; then the stale row is
-- applied. `fields` has the loaded columns in their order.
CREATE TABLE npi_stale (
  npi BIGINT NOT NULL,
  release_id BIGINT NOT NULL,
  fields JSON NOT NULL,
  PRIMARY KEY (npi, release_id),
  KEY by_release (release_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
