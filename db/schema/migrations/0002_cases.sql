-- The ledger of case updates, in this service's own schema.

-- One row per run that moves cases: a weekly job, a bulk update of a host, or an undo of either. The transactions that move
-- cases also update the counts.
CREATE TABLE case_run (
  run_id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  source_status SMALLINT NULL,
  target_status SMALLINT NULL,
  is_forced BOOLEAN NOT NULL,
  undoes CHAR(36) CHARACTER SET ascii NULL,
  timestamp_column VARCHAR(64) NULL,
  selected_at DATETIME(6) NOT NULL,
  selected_count INT UNSIGNED NOT NULL,
  left_count INT UNSIGNED NOT NULL,
  moved_count INT UNSIGNED NOT NULL,
  exception_count INT UNSIGNED NOT NULL,
  KEY by_undone (undoes)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- Every case of a run. The key compares bytes, so IDs that differ in the application's column always have different rows.
-- The application's column decides which cases an ID means. A move also writes `state_at` to the case's timestamp column.
CREATE TABLE case_move (
  run_id CHAR(36) CHARACTER SET ascii NOT NULL,
  case_id VARCHAR(255) COLLATE {exact} NOT NULL,
  state ENUM('selected', 'moved', 'exception') NOT NULL,
  from_status SMALLINT NULL,
  to_status SMALLINT NULL,
  previous_ts DATETIME(6) NULL,
  state_at DATETIME NOT NULL,
  reason VARCHAR(120) NULL,
  PRIMARY KEY (run_id, case_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
