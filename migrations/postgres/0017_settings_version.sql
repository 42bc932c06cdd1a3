-- Two operators who change the rules of a house at once hear of each other.

ALTER TABLE centres ADD COLUMN settings_version BIGINT NOT NULL DEFAULT 1 CHECK (settings_version > 0);
