-- What a person should know although the runs succeed, until it is gone or acknowledged; and why a run failed.

-- One row per remark. `is_standing`: every run of the job finds out again whether it still holds, and `gone_at` is set when it
-- does not. The others stay until somebody acknowledges them. A remark that comes back starts anew.
CREATE TABLE warning (
  warning_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  job VARCHAR(40) NOT NULL,
  remark VARCHAR(600) NOT NULL,
  is_standing BOOLEAN NOT NULL,
  run_id CHAR(36) NOT NULL,
  first_seen DATETIME(6) NOT NULL,
  last_seen DATETIME(6) NOT NULL,
  gone_at DATETIME(6) NULL,
  acknowledged_at DATETIME(6) NULL,
  acknowledged_by VARCHAR(200) NULL,
  acknowledged_reason VARCHAR(1000) NULL,
  UNIQUE KEY by_remark (job, remark)
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};

-- NULL for a run that did not fail, and for an unexpected failure, whose message nobody has checked for values of rows.
ALTER TABLE run ADD COLUMN failure_message VARCHAR(2000) NULL;
