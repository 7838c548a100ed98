-- This service's own tables, in its own schema.
-- {collation}: utf8mb4_0900_ai_ci, or the nearest that the server has (db/connection/collation.ts).

-- One holder per job. `epoch` only increases. Every write of a load locks this row and checks the epoch.
CREATE TABLE lease (
  job VARCHAR(40) NOT NULL PRIMARY KEY,
  epoch BIGINT UNSIGNED NOT NULL,
  workflow_id VARCHAR(255) NULL,
  run_id CHAR(36) NULL,
  expires_at DATETIME(6) NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Every run. The rows stay after Temporal's retention has ended.
CREATE TABLE run (
  run_id CHAR(36) NOT NULL PRIMARY KEY,
  workflow_id VARCHAR(255) NOT NULL,
  job VARCHAR(40) NOT NULL,
  is_dry_run BOOLEAN NOT NULL,
  started_at DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL,
  outcome VARCHAR(20) NULL,
  failure_type VARCHAR(60) NULL,
  KEY by_job (job, started_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Every published file. `release_id` orders releases by end of period, kind (weekly, monthly, report) and version.
-- 202609200001 is the first version of a weekly that ends on 2026-09-20.
CREATE TABLE npi_release (
  release_id BIGINT NOT NULL PRIMARY KEY,
  file_name VARCHAR(120) NOT NULL,
  kind VARCHAR(12) NOT NULL,
  layout CHAR(2) NOT NULL,
  period_start DATE NOT NULL,
  period_end DATE NOT NULL,
  member VARCHAR(120) NOT NULL,
  sha256 CHAR(64) NOT NULL,
  etag VARCHAR(200) NULL,
  size_bytes BIGINT NOT NULL,
  run_id CHAR(36) NOT NULL,
  published_at DATETIME(6) NOT NULL,
  published JSON NOT NULL,
  UNIQUE KEY by_content (file_name, sha256)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- How far a run has staged a file. Updated in the transaction that loads the rows.
CREATE TABLE npi_checkpoint (
  stage VARCHAR(40) NOT NULL PRIMARY KEY,
  run_id CHAR(36) NOT NULL,
  file_name VARCHAR(120) NOT NULL,
  is_whole BOOLEAN NOT NULL,
  staged JSON NOT NULL,
  moved_at DATETIME(6) NOT NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Stubs of deactivated providers, including stale ones: a full row that arrives late needs the stubs after it.
CREATE TABLE npi_stub (
  npi BIGINT NOT NULL,
  release_id BIGINT NOT NULL,
  deactivation_date VARCHAR(10) NOT NULL,
  PRIMARY KEY (npi, release_id),
  KEY by_release (release_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Refused rows: where they are and why, never their values.
CREATE TABLE npi_quarantine (
  release_id BIGINT NOT NULL,
  row_no INT UNSIGNED NOT NULL,
  line_no INT UNSIGNED NOT NULL,
  npi BIGINT NULL,
  reason VARCHAR(60) NOT NULL,
  column_name VARCHAR(120) NULL,
  PRIMARY KEY (release_id, row_no),
  KEY by_npi (npi)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- A name belongs to the letter that equals its first character in this collation: É to e, Ø to o, Ł to l.
CREATE TABLE search_letter (
  letter CHAR(1) NOT NULL PRIMARY KEY
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

INSERT INTO search_letter VALUES
  ('a'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g'), ('h'), ('i'), ('j'), ('k'), ('l'), ('m'),
  ('n'), ('o'), ('p'), ('q'), ('r'), ('s'), ('t'), ('u'), ('v'), ('w'), ('x'), ('y'), ('z');
