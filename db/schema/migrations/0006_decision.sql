-- Who decided what, and why. The rows stay as long as the ledger.

-- One row per decision of a person. `run_id` is NULL for a schedule and for the end of an adoption, `job` for the latter. The
-- key keeps a repeated attempt from adding a second row.
CREATE TABLE decision (
  decision_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  run_id CHAR(36) NULL,
  job VARCHAR(40) NULL,
  what VARCHAR(20) NOT NULL,
  decided_by VARCHAR(200) NOT NULL,
  reason VARCHAR(1000) NULL,
  decided_at DATETIME(6) NOT NULL,
  UNIQUE KEY by_run (run_id, what, decided_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
