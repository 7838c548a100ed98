-- Data quality: which refused rows are still open, and which deactivated providers are absent from the report.

-- The release that brought a valid row for a refused one; NULL while it is open.
ALTER TABLE npi_quarantine ADD COLUMN cleared_by BIGINT NULL;

-- Providers that are deactivated here and absent from the newest deactivation report. They are reported, never changed.
CREATE TABLE npi_unreported (
  npi BIGINT NOT NULL PRIMARY KEY
) DEFAULT CHARACTER SET utf8mb4 COLLATE {collation};
