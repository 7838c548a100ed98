-- Data that can be trusted: which refused rows are still open, and who is deactivated here against the report.

-- The release whose sound row has followed a refused one; NULL while it is open.
ALTER TABLE npi_quarantine ADD COLUMN cleared_by BIGINT NULL;

-- Providers that are deactivated here and absent from the last deactivation report. They are reported, never changed.
CREATE TABLE npi_unreported (
  npi BIGINT NOT NULL PRIMARY KEY
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
